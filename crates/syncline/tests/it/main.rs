//! Whole sends through the facade, against the sandbox: faults of the target, odd input, state
//! between runs, versions of the API, and real data where this machine has it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod answers;
mod authorization;
mod examples;
mod fetching;
mod following;
mod input;
mod kept;
mod library;
mod mirroring;
mod mirroring_soak;
mod outages;
mod pruning;
mod publishing;
mod publishing_access;
mod publishing_choice;
mod publishing_drift;
mod publishing_extensions;
mod publishing_faults;
mod publishing_guards;
mod publishing_jobs;
mod publishing_killed;
mod publishing_live;
mod publishing_order;
mod publishing_pair;
mod publishing_profiles;
mod publishing_proof;
mod publishing_published;
mod publishing_silent;
mod publishing_snapshots;
mod publishing_standards;
mod publishing_statuses;
mod publishing_untold;
mod publishing_views;
mod publishing_whole;
mod real;
mod references;
mod remediation;
mod saving;
mod site;
mod state;
#[cfg(feature = "parquet")]
mod tables;
mod validating;
mod versions;
