//! Writing: rows are locked and looked at, what has to happen is decided, and then it happens, in
//! one transaction for as many changes as can be together.
//!
//! Where a row is at fault the transaction is taken back and its changes are tried in halves,
//! until the ones at fault are alone; the others go on. A transaction whose commit was not
//! answered counts as failed, never as done: whoever offers its changes again is told what the
//! rows are by then.

mod decide;
mod wish;

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use syncline_model::{Change, ChangeKind, Collection, Done, Key, Outcome};
use syncline_store::Result;

use crate::driver::{Driver, Filter, Rows, Select, Transaction, named};
use crate::fault::Fault;
use crate::input::Input;
use crate::read;
use crate::table::{Column, Table};
use decide::{Decider, Decision, Step};
use wish::Wish;

/// Bytes of values after which a statement takes no further row.
const STATEMENT_BYTES: usize = 1 << 20;

/// Writes changes of one collection.
pub(crate) struct Writer<'a> {
    driver: &'a dyn Driver,
    table: &'a Arc<Table>,
    collection: &'a Collection,
    key: Vec<usize>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        driver: &'a dyn Driver,
        table: &'a Arc<Table>,
        (collection, key): (&'a Collection, Vec<usize>),
    ) -> Self {
        Self {
            driver,
            table,
            collection,
            key,
        }
    }

    pub(crate) async fn write(&self, changes: &[Change]) -> Result<Vec<Outcome>> {
        let digests: Vec<_> = changes
            .iter()
            .filter_map(|change| change.key.known_digest())
            .collect();
        let known = read::resolve(
            (self.driver, self.table),
            &self.key,
            self.collection,
            &digests,
        )
        .await?;
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(changes.len());
        let mut wishes = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let key = match change.key.known_digest() {
                Some(digest) => known.get(&digest),
                None => Some(&change.key),
            };
            let wish = match key {
                Some(key) => Wish::of(change, key, (self.table, self.collection, &self.key)),
                None if change.kind == ChangeKind::Delete => Err(decide::done(Done::Unchanged)),
                None => Err(wish::gone()),
            };
            let (wish, outcome) = match wish {
                Ok(wish) => (Some((index, wish)), None),
                Err(outcome) => (None, Some(outcome)),
            };
            wishes.extend(wish);
            outcomes.push(outcome);
        }
        for run in runs(&wishes) {
            self.run(&wishes[run], &mut outcomes).await?;
        }
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(wish::gone))
            .collect())
    }

    /// Tries changes together, and in halves where one of them is at fault.
    async fn run(&self, wishes: &[(usize, Wish)], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let mut open: Vec<&[(usize, Wish)]> = vec![wishes];
        while let Some(part) = open.pop() {
            match self.attempt(part).await {
                Ok(found) => {
                    for ((index, _), outcome) in part.iter().zip(found) {
                        outcomes[*index] = Some(outcome);
                    }
                }
                Err(Fault::Row(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    open.extend([second, first]);
                }
                Err(fault) => {
                    let outcome = fault.into_outcome()?;
                    for (index, _) in part {
                        outcomes[*index] = Some(outcome.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// One transaction.
    async fn attempt(&self, wishes: &[(usize, Wish)]) -> Result<Vec<Outcome>, Fault> {
        let mut transaction = self.driver.begin().await?;
        match self.apply(&mut *transaction, wishes).await {
            Ok(outcomes) => {
                transaction.commit().await?;
                Ok(outcomes)
            }
            Err(fault) => {
                if matches!(fault, Fault::Row(_) | Fault::Busy(_)) {
                    transaction.roll_back().await;
                }
                Err(fault)
            }
        }
    }

    async fn apply(
        &self,
        transaction: &mut dyn Transaction,
        wishes: &[(usize, Wish)],
    ) -> Result<Vec<Outcome>, Fault> {
        let columns = self.columns(wishes);
        let mut decider = Decider::new(self.table, self.collection, (&columns, &self.key));
        let keys: Vec<Vec<Input>> = wishes
            .iter()
            .flat_map(|(_, wish)| wish.sought.clone())
            .collect();
        let keys = self.sought_once(keys);
        let most = self.driver.rows_max(self.key.len()).min(keys.len().max(1));
        for keys in keys.chunks(most) {
            let select = Select {
                table: Arc::clone(self.table),
                columns: columns.clone(),
                filter: Filter::Keys(self.key.clone(), keys.to_vec()),
                order: self.key.clone(),
            };
            decider.learn(transaction.locked(&select).await?);
        }
        let decisions: Vec<Decision> = wishes
            .iter()
            .map(|(_, wish)| decider.decide(wish))
            .collect();
        self.carry_out(transaction, &decisions).await?;
        Ok(decisions
            .into_iter()
            .map(|decision| decision.outcome)
            .collect())
    }

    /// Keys without those that are others in small letters to the table, so that no row comes twice.
    fn sought_once(&self, mut keys: Vec<Vec<Input>>) -> Vec<Vec<Input>> {
        let columns = named(self.table, &self.key);
        let is_caseless = |column: &&Column| column.bounds.alike.case;
        if !columns.iter().any(is_caseless) {
            return keys;
        }
        // Of ASCII alone, which every rule of that sort is sure to pass over.
        let folded = |(column, value): (&&Column, &Input)| match value {
            Input::Text(text) if is_caseless(column) => Input::Text(text.to_ascii_lowercase()),
            other => other.clone(),
        };
        let mut seen = HashSet::new();
        keys.retain(|key| {
            let folded: Vec<Input> = columns.iter().zip(key).map(folded).collect();
            seen.insert(folded)
        });
        keys
    }

    /// The columns that have to be looked at.
    fn columns(&self, wishes: &[(usize, Wish)]) -> Vec<usize> {
        if wishes.iter().any(|(_, wish)| wish.needs_digest()) {
            return read::readable(self.table, self.collection, &self.key);
        }
        let mut columns: BTreeSet<usize> = self.key.iter().copied().collect();
        columns.extend(wishes.iter().flat_map(|(_, wish)| wish.columns()));
        columns.into_iter().collect()
    }

    /// Neighbouring steps of one shape are one statement.
    async fn carry_out(
        &self,
        transaction: &mut dyn Transaction,
        decisions: &[Decision],
    ) -> Result<(), Fault> {
        let steps: Vec<&Step> = decisions
            .iter()
            .filter_map(|decision| decision.step.as_ref())
            .collect();
        let mut rest = steps.as_slice();
        while let Some(first) = rest.first() {
            let most = self.driver.rows_max(first.columns.len());
            let mut bytes = 0;
            let fits = |step: &&&Step| {
                let is_first = bytes == 0;
                bytes += step.bytes().max(1);
                step.is_like(first) && (is_first || bytes <= STATEMENT_BYTES)
            };
            let count = rest.iter().take(most).take_while(fits).count();
            let (now, later) = rest.split_at(count.max(1));
            let values: Vec<Vec<Input>> = now.iter().map(|step| step.values.clone()).collect();
            let rows = Rows {
                table: self.table,
                columns: &first.columns,
                values: &values,
            };
            match first.done {
                Done::Created => transaction.insert(&rows).await?,
                Done::Deleted => transaction.delete(&rows).await?,
                Done::Updated | Done::Unchanged => {
                    transaction.update(self.key.len(), &rows).await?;
                }
            }
            rest = later;
        }
        Ok(())
    }
}

/// Changes that can be together: a key is in a run once.
fn runs(wishes: &[(usize, Wish)]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    let mut begin = 0;
    for (at, (_, wish)) in wishes.iter().enumerate() {
        if wish.keys().any(|key| seen.contains(key)) {
            runs.push(begin..at);
            begin = at;
            seen.clear();
        }
        seen.extend(wish.keys());
    }
    runs.push(begin..wishes.len());
    runs.retain(|run| !run.is_empty());
    runs
}
