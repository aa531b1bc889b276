//! Numbers about a server.

use axum::response::Response;

use super::service::Service;
use crate::web::metrics::Metrics;

/// Every number, as text.
pub(crate) fn answer(service: &Service) -> Response {
    let log = service.log().clone_counts();
    let mut metrics = Metrics::of(&log, service.faults().fired());
    let version = service.storage().newest_version().to_string();
    let help = "Newest change version.";
    metrics.one(("sandbox_change_version", "gauge"), help, &version);
    metrics.respond()
}
