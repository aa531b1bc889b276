//! The command as people run it: what it prints, with which status it ends, what it leaves
//! behind, and what happens when it is stopped.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod attacked;
mod commands;
mod comparing;
mod connections;
mod creating;
mod datastores;
mod derived;
mod desk;
mod fetching;
mod flows;
mod flows_alike;
mod flows_edfi;
mod flows_handlers;
mod flows_killed;
mod flows_kinds;
mod flows_plans;
mod flows_stores;
mod flows_trouble;
mod help;
mod interruption;
mod jobs;
mod killed_at_random;
mod killed_in_lists;
mod lightbeam;
mod lightbeam_beside;
mod lightbeam_faults;
mod messages;
mod network;
mod pruning;
mod publishing;
mod publishing_ends;
mod publishing_refusals;
mod remediating;
mod reports;
mod restream;
mod restream_mirror;
mod restream_plot;
mod schema;
mod school;
mod school_library;
mod secrets;
mod servers;
mod serving;
mod state;
mod tutorial;
mod validating;
mod watching;
mod watching_changes;
