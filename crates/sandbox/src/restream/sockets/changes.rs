//! Change events: those not confirmed yet, then each as it comes.

use std::sync::Arc;

use tokio::sync::watch;

use super::super::routes::Kind;
use super::super::service::Service;
use crate::web::lock;

/// What is told next.
pub(super) struct Changes {
    service: Arc<Service>,
    sites: Vec<u64>,
    /// How many events were looked at.
    looked: usize,
    news: watch::Receiver<usize>,
}

impl Changes {
    pub(super) fn new(service: &Arc<Service>, whose: (Kind, usize)) -> Self {
        let news = lock(&service.changes).news();
        Self {
            sites: service.site_ids(whose),
            service: Arc::clone(service),
            looked: 0,
            news,
        }
    }

    pub(super) async fn next(&mut self) -> String {
        loop {
            self.news.mark_unchanged();
            if let Some(text) = self.due() {
                return text;
            }
            if self.news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The next event that nobody confirmed.
    fn due(&mut self) -> Option<String> {
        let changes = lock(&self.service.changes);
        let newer = changes.all().get(self.looked..).unwrap_or_default();
        let wanted = newer
            .iter()
            .position(|event| !event.confirmed && self.sites.contains(&event.correction.site));
        let Some(place) = wanted else {
            self.looked = changes.count();
            return None;
        };
        self.looked += place + 1;
        newer.get(place).map(|event| event.shown().to_string())
    }
}
