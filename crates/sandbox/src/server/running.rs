//! A server task that stops when asked or dropped.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::SandboxError;

const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A task serving an address.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
    stop: DropGuard,
}

impl Running {
    /// Spawns the server that `serve` makes from the signal to stop.
    pub(crate) fn spawn<F>(address: SocketAddr, serve: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let token = CancellationToken::new();
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
pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let listen = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    Ok((listener, address))
}
