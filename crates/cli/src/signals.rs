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
    tokio::spawn(async move {
        told_to_stop().await;
        cancelled.cancel();
        told_to_stop().await;
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
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Where signals cannot be heard, the run goes on to its end.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
