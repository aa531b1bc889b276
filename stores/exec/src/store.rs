//! The store: which copy of the program is asked what.
//!
//! One copy writes, one request after the other. Readings have copies of their own, some of which
//! are kept for the next reading. A copy that did anything unexpected is not asked again.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use syncline_model::{Catalog, Change, Collection, Mark, Outcome};
use syncline_store::{BatchStream, ErrorKind, Query, Result, Store, StoreError, WriteContext};
use tokio::sync::Semaphore;

use crate::hello::{Hello, greet};
use crate::process::Process;
use crate::protocol::{Answer, Request};
use crate::putting::{Putting, Starts};
use crate::reading::{self, Reading};
use crate::settings::ExecSettings;
use crate::writing::{self, Asking};

/// A program that holds records.
#[derive(Clone, Debug)]
pub struct ExecStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: ExecSettings,
    hello: Hello,
    putting: Putting,
    readers: Arc<Semaphore>,
    idle: Mutex<Vec<Process>>,
}

impl ExecStore {
    /// Starts the program and hears what it can do.
    pub async fn open(settings: ExecSettings) -> Result<Self> {
        let (process, hello) = greet(&settings).await?;
        let shared = Shared {
            readers: Arc::new(Semaphore::new(settings.limits.readers_max.max(1))),
            putting: Putting::new(
                hello.catalog.capabilities.batch,
                settings.limits.line_bytes_max,
            ),
            settings,
            hello,
            idle: Mutex::new(vec![process]),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Asks for something that is answered by `done`.
    async fn have_done(&self, request: Request<'_>) -> Result<()> {
        let shared = &self.shared;
        let (mut place, mut process) = shared.putting.hold(&**shared).await?;
        process.ask(&request).await?;
        let line = process.line().await?;
        let answer: Answer<'_> = serde_json::from_str(&line).unwrap_or_default();
        if let Some(trouble) = answer.error {
            return Err(trouble.told(&process));
        }
        if answer.done != Some(true) {
            let what = "it was asked to do something and did not answer {\"done\":true}";
            return Err(process.trouble(ErrorKind::InvalidData, what).await);
        }
        *place = Some(process);
        Ok(())
    }
}

impl Shared {
    /// A copy of the program that waits, or a new one.
    async fn another(&self) -> Result<Process> {
        let waiting = self.lock_idle().pop();
        if let Some(process) = waiting {
            return Ok(process);
        }
        let (mut process, hello) = greet(&self.settings).await?;
        if hello != self.hello {
            let what = "it describes itself otherwise than when it was started first";
            return Err(process.trouble(ErrorKind::InvalidData, what).await);
        }
        Ok(process)
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Starts for Shared {
    async fn copy(&self) -> Result<Process> {
        self.another().await
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut *self.lock_idle());
        let writer = self.putting.take();
        for process in waiting.into_iter().chain(writer) {
            process.leave();
        }
    }
}

#[async_trait]
impl Store for ExecStore {
    async fn describe(&self) -> Result<Catalog> {
        Ok(self.shared.hello.catalog.clone())
    }

    async fn read(&self, query: Query) -> Result<BatchStream> {
        let shared = &self.shared;
        reading::require(&query, &shared.hello)?;
        let permit = Arc::clone(&shared.readers).acquire_owned().await;
        let permit = permit.map_err(|closed| {
            StoreError::new(ErrorKind::Local, "the store is closed").with_source(closed)
        })?;
        let process = shared.another().await?;
        let reading = Reading::begin(process, query, &shared.hello).await?;
        let back = Arc::clone(shared);
        Ok(reading.stream(move |process| {
            back.lock_idle().push(process);
            drop(permit);
        }))
    }

    async fn write(&self, changes: &[Change], context: &WriteContext) -> Result<Vec<Outcome>> {
        let hello = &self.shared.hello;
        let shared = &self.shared;
        let asking = Asking::Write(context.collection.name.as_str());
        let obstacle = |change: &Change| writing::obstacle(change, hello);
        let putting = &shared.putting;
        putting.put(&**shared, asking, (changes, obstacle)).await
    }

    async fn confirm(&self, upto: &Mark) -> Result<()> {
        if !self.shared.hello.can("since") {
            return Ok(());
        }
        self.have_done(Request::Confirm { mark: &upto.0 }).await
    }

    async fn complete(&self, collection: &Collection) -> Result<()> {
        if !self.shared.hello.can("write") {
            return Ok(());
        }
        let collection = collection.name.as_str();
        self.have_done(Request::Complete { collection }).await
    }
}
