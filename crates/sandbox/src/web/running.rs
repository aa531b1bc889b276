//! A server task that stops when asked or dropped.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Connections that may wait to be accepted; with the usual number, a crowd that comes at once is
/// held up for seconds.
const WAITING: u32 = 4_096;
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system reported.
    pub source: io::Error,
}

/// A task serving an address.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
    stop: DropGuard,
}

impl Running {
    /// Spawns the server that `serve` makes from the signal to stop, which is `token`.
    pub(crate) fn spawn<F>(
        address: SocketAddr,
        token: CancellationToken,
        serve: impl FnOnce(CancellationToken) -> F,
    ) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let task = tokio::spawn(serve(token.clone()));
        Self {
            address,
            task,
            stop: token.drop_guard(),
        }
    }

    /// Address listened on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops and waits for requests under way, within a bound.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(STOP_WITHIN, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// Listens on an address; gives the one in use, with the port filled in.
pub(crate) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let listener = listen(address).map_err(|source| ListenError { address, source })?;
    let local = listener.local_addr();
    let address = local.map_err(|source| ListenError { address, source })?;
    Ok((listener, address))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A server that is started again right away finds its port; elsewhere this would let two
    // servers have one port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(WAITING)
}
