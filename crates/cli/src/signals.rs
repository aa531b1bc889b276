//! Being told to stop: Ctrl-C and SIGTERM stop cleanly, a second one at once.

use tokio_util::sync::CancellationToken;

/// Exit status after a second signal.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first signal.
pub(crate) fn stop_token() -> CancellationToken {
    let token = CancellationToken::new();
    cancel_when_told(&token);
    token
}

/// Cancels a token at the first signal. The second one ends the process; what the target
/// accepted until then is in the ledger, except for the last moment. Before this is called,
/// the first signal ends the process.
pub(crate) fn cancel_when_told(token: &CancellationToken) {
    let cancelled = token.clone();
    let mut signals = Signals::listen();
    tokio::spawn(async move {
        signals.next().await;
        cancelled.cancel();
        signals.next().await;
        #[expect(
            clippy::exit,
            clippy::disallowed_methods,
            reason = "the person insists"
        )]
        std::process::exit(INTERRUPTED);
    });
}

/// Comes back at the next signal.
pub(crate) async fn told_to_stop() {
    Signals::listen().next().await;
}

/// The signals that ask for an end, heard from the moment this is made.
struct Signals {
    #[cfg(unix)]
    heard: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    fn listen() -> Self {
        Self {
            #[cfg(unix)]
            heard: {
                use tokio::signal::unix::{SignalKind, signal};
                signal(SignalKind::interrupt())
                    .ok()
                    .zip(signal(SignalKind::terminate()).ok())
            },
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some((interrupt, terminate)) = &mut self.heard {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        // Where signals cannot be heard, the run goes on to its end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
