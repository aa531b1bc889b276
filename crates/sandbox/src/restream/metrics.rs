//! Numbers about a server.

use axum::response::Response;

use super::service::Service;
use crate::web::lock;
use crate::web::metrics::Metrics;

/// Every number, as text.
pub(crate) fn answer(service: &Service) -> Response {
    let log = service.log().clone_counts();
    let mut metrics = Metrics::of(&log, service.faults().fired());
    let mut gauge = |name: &str, help: &str, value: String| {
        metrics.one((name, "gauge"), help, &value);
    };
    let now = service.clock.now().to_string();
    gauge(
        "sandbox_clock_seconds",
        "Time of the service, in seconds since 1970.",
        now,
    );
    let open = service.sockets.open().to_string();
    gauge("sandbox_sockets", "Sockets that are open.", open);
    let changes = lock(&service.changes);
    let left = changes
        .all()
        .iter()
        .filter(|event| !event.confirmed)
        .count();
    gauge(
        "sandbox_changes_unconfirmed",
        "Change events not confirmed.",
        left.to_string(),
    );
    drop(changes);
    metrics.respond()
}
