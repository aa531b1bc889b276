//! Something that waits until it is let through: order in tests without any clock.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate, closed at first. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    /// Lets everybody through, now and from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was opened.
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        // The sender lives as long as this gate.
        let mut receiver = self.0.subscribe();
        let _passed = receiver.wait_for(|open| *open).await;
    }
}
