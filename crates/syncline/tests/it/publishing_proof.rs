//! The promise: whatever happens to the source while it is published, whatever fails on either
//! side, and whenever a run is cut off, one quiet publication later both sides are equal.
//!
//! A seed decides which versions publish to each other and what happens. `SYNCLINE_PROOF_SEEDS`
//! says how many seeds are tried (5), `SYNCLINE_PROOF_STUDENTS` how many students the district has
//! (6); `scripts/nightly` sets both.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline::PublishArgs;
use syncline_model::{Change, Key, Outcome, Record};
use syncline_sandbox::{ApiVersion, FaultAction, FaultMatch, FaultPlan, FaultRule, Sandbox};
use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{ENROLMENTS, Hand, Pair, STUDENTS};
use crate::site::{size, status};

use ApiVersion::{V5_4, V6_2, V7_3, V8_0};

const SESSIONS: &str = "ed-fi/sessions";
const SECTIONS: &str = "ed-fi/sections";
const ATTENDANCE: &str = "ed-fi/studentSectionAssociations";

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below.max(1) as u64).unwrap()
    }
}

/// Changes after which what the source holds is looked at again; more in a large district, of which
/// a look takes long.
const LOOK_AFTER: u64 = 25;
const STUDENTS_FOR_A_CHANGE: u64 = 5;
/// New names of sessions in a round: in a large district each carries on into thousands of keys.
const SESSIONS_RENAMED_MAX: usize = 2;
const MANY_STUDENTS: u64 = 1000;
/// Changes after which a run is cut off at the latest, in a small district and in a large one.
const CUT_AFTER: [usize; 2] = [40, 10_000];

/// Somebody who works with the source.
struct Worker {
    hand: Hand,
    dice: Dice,
    created: usize,
    /// What the source held a while ago.
    seen: BTreeMap<&'static str, Vec<Record>>,
    look_after: u64,
    changes: u64,
    is_large: bool,
    sessions_renamed: usize,
}

impl Worker {
    async fn of(pair: &Pair, (seed, students): (u64, u64)) -> Self {
        Self {
            hand: pair.hand().await,
            dice: Dice(seed),
            created: 0,
            seen: BTreeMap::new(),
            look_after: LOOK_AFTER.max(students / STUDENTS_FOR_A_CHANGE),
            changes: 0,
            is_large: students >= MANY_STUDENTS,
            sessions_renamed: 0,
        }
    }

    /// One change. What the source declines (something still refers to it, or it went long ago) is
    /// no matter.
    async fn work(&mut self) {
        self.changes += 1;
        if self.changes.is_multiple_of(self.look_after) {
            self.seen.clear();
        }
        match self.dice.roll(9) {
            0 | 1 => self.create().await,
            3 => self.delete(ATTENDANCE).await,
            4 => self.delete(ENROLMENTS).await,
            5 => self.delete_and_create_again().await,
            6 => self.rekey(SECTIONS, "sectionIdentifier").await,
            7 if self.is_large && self.sessions_renamed >= SESSIONS_RENAMED_MAX => {
                self.rename().await;
            }
            7 => {
                self.sessions_renamed += 1;
                self.rekey(SESSIONS, "sessionName").await;
            }
            8 => self.delete(STUDENTS).await,
            _ => self.rename().await,
        }
    }

    /// One of the records that the source held a while ago.
    async fn pick(&mut self, name: &'static str) -> Option<Record> {
        if !self.seen.contains_key(name) {
            let records = self.hand.list(name).await;
            self.seen.insert(name, records);
        }
        let records = &self.seen[name];
        let index = self.dice.roll(records.len());
        records.get(index).cloned()
    }

    async fn create(&mut self) {
        self.created += 1;
        let id = format!("new-{}-{}", self.dice.0 % 1000, self.created);
        let student = json!({"studentUniqueId": id, "firstName": "New", "lastSurname": "Byron",
            "birthDate": "2010-01-31"});
        self.hand.put(STUDENTS, &student).await;
        if let Some(like) = self.pick(ENROLMENTS).await {
            let mut enrolment = plain(&like);
            enrolment["studentReference"] = json!({"studentUniqueId": id});
            self.hand.put(ENROLMENTS, &enrolment).await;
        }
    }

    async fn rename(&mut self) {
        if let Some(student) = self.pick(STUDENTS).await {
            let mut student = plain(&student);
            student["firstName"] = json!(format!("Name{}", self.dice.roll(1_000_000)));
            self.hand.put(STUDENTS, &student).await;
        }
    }

    async fn delete(&mut self, name: &'static str) {
        if let Some(record) = self.pick(name).await {
            self.hand.apply(name, Change::delete(record)).await;
        }
    }

    async fn delete_and_create_again(&mut self) {
        if let Some(record) = self.pick(ATTENDANCE).await {
            let payload = plain(&record);
            let outcome = self.hand.delete(ATTENDANCE, &payload).await;
            if matches!(outcome, Outcome::Done { .. }) {
                self.hand.put(ATTENDANCE, &payload).await;
            }
        }
    }

    async fn rekey(&mut self, name: &'static str, field: &str) {
        let Some(record) = self.pick(name).await else {
            return;
        };
        let mut values: Vec<Value> = serde_json::from_str(record.key.as_str()).unwrap();
        let place = self.hand.key_index(name, field);
        values[place] = json!(format!("K{}", self.dice.roll(1_000_000)));
        let to = Key::from_canonical(serde_json::to_string(&values).unwrap());
        let change = Change::rekey(record.key.clone(), to);
        self.hand.apply(name, change).await;
    }
}

/// A record as one would send it.
fn plain(record: &Record) -> Value {
    let mut payload: Value = serde_json::from_slice(&record.payload).unwrap();
    let members = payload.as_object_mut().unwrap();
    for name in ["id", "_etag", "_lastModifiedDate"] {
        members.remove(name);
    }
    payload
}

fn arm(sandbox: &Sandbox, seed: u64, rules: &[(&str, FaultAction, f64, bool)]) {
    let rules = rules
        .iter()
        .map(|(method, action, rate, applied)| FaultRule {
            on: FaultMatch {
                method: Some((*method).to_owned()),
                path: Some("/ed-fi/".to_owned()),
                rate: Some(*rate),
                ..FaultMatch::default()
            },
            action: action.clone(),
            applied: *applied,
            ..FaultRule::default()
        });
    sandbox.set_faults(FaultPlan {
        seed,
        rules: rules.collect(),
    });
}

fn arm_both(pair: &Pair, seed: u64) {
    arm(
        &pair.source,
        seed,
        &[
            ("GET", status(503, &[]), 0.03, false),
            ("GET", FaultAction::Reset, 0.02, false),
            ("GET", FaultAction::Truncate, 0.02, false),
        ],
    );
    arm(
        &pair.target,
        seed + 1,
        &[
            ("POST", status(500, &[]), 0.05, false),
            ("POST", FaultAction::Reset, 0.03, true),
            ("DELETE", FaultAction::Close, 0.1, true),
            ("PUT", status(502, &[]), 0.1, true),
        ],
    );
}

/// What makes publishing difficult, besides the work on the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// Requests fail on both sides.
    Faults,
    /// They do, and runs are cut off.
    FaultsAndCuts,
}

const TROUBLES: [Trouble; 3] = [Trouble::Nothing, Trouble::Faults, Trouble::FaultsAndCuts];
const PAIRS: [(ApiVersion, ApiVersion); 3] = [(V5_4, V7_3), (V6_2, V7_3), (V7_3, V8_0)];

/// The seeds of a trouble: all troubles share the number of seeds, and each of nine seeds in a row
/// has a trouble and a pair that no other has.
fn seeds(trouble: Trouble) -> impl Iterator<Item = (u64, (ApiVersion, ApiVersion))> {
    let seeds = 1..=size("SYNCLINE_PROOF_SEEDS", 5);
    let turn = |seed: u64| usize::try_from((seed + seed / 3) % 3).unwrap();
    seeds
        .filter(move |seed| TROUBLES[usize::try_from(seed % 3).unwrap()] == trouble)
        .map(move |seed| (seed, PAIRS[turn(seed)]))
}

/// Guards judge how much goes; here all of it has to.
fn without_limits(arguments: &mut PublishArgs) {
    let guards = &mut arguments.settings.guards;
    guards.delete_count_max = u64::MAX;
    guards.delete_share_max = 1.0;
    guards.shrink_share_max = 1.0;
}

/// Rounds of work while publishing, then one quiet publication.
async fn proved(trouble: Trouble) {
    for (seed, (from, to)) in seeds(trouble) {
        let students = size("SYNCLINE_PROOF_STUDENTS", 6);
        let pair = Pair::district(from, to, students).await;
        println!("seed {seed}, {trouble:?}, {from:?} to {to:?}, {students} students");
        let mut worker = Worker::of(&pair, (seed, students)).await;
        for round in 0..3_u64 {
            if trouble != Trouble::Nothing {
                arm_both(&pair, seed * 100 + round);
            }
            worker.sessions_renamed = 0;
            let began = worker.changes;
            Box::pin(disturbed(&pair, &mut worker, trouble)).await;
            println!(
                "round {round}: {} changes meanwhile",
                worker.changes - began
            );
        }
        arm(&pair.source, 0, &[]);
        arm(&pair.target, 0, &[]);
        pair.settle().await;
        let quiet = pair.publish_with(without_limits).await.unwrap();
        let behind: Vec<_> = quiet.behind().collect();
        let mut owing = quiet.report.collections.clone();
        owing.retain(|name, _| quiet.parts.get(name).is_some_and(|part| part.owed > 0));
        assert_eq!(
            (quiet.exit_status(), quiet.owed()),
            (0, 0),
            "seed {seed}, {from:?} to {to:?}: {:?} {behind:?} {owing:#?}",
            quiet.report.ending
        );
        pair.must_be_equal(&format!("seed {seed}, {from:?} to {to:?}"))
            .await;
    }
}

/// One publication while somebody works with the source.
async fn disturbed(pair: &Pair, worker: &mut Worker, trouble: Trouble) {
    let most = CUT_AFTER[usize::from(worker.is_large)];
    let cut = (trouble == Trouble::FaultsAndCuts).then(|| worker.dice.roll(most));
    let publishing = pair.publish_until(CancellationToken::new(), without_limits);
    let mut publishing = std::pin::pin!(publishing);
    let mut changes = 0;
    loop {
        tokio::select! {
            biased;
            ended = &mut publishing => {
                ended.unwrap();
                return;
            }
            () = worker.work() => changes += 1,
        }
        if changes == 15 {
            pair.source.expire_tokens();
            pair.target.expire_tokens();
        }
        if cut == Some(changes) {
            // What was under way is dropped where it is, as by a process that dies.
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_while_it_is_published_arrives_whole() {
    Box::pin(proved(Trouble::Nothing)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_when_requests_fail_on_both_sides_and_tokens_end() {
    Box::pin(proved(Trouble::Faults)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_when_runs_are_cut_off_at_any_moment() {
    Box::pin(proved(Trouble::FaultsAndCuts)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_the_keys_of_deletes_is_compared_after_one() {
    let pair = Pair::district(V5_4, V7_3, 4).await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    let mut worker = Worker::of(&pair, (31, 4)).await;
    worker.rename().await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after a change").await;
    worker.delete("ed-fi/grades").await;
    assert_eq!(pair.publish().await.exit_status(), 0);
    pair.must_be_equal("after a delete").await;
}
