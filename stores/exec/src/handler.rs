//! A program that carries out events instead of a store's own write. It is greeted with what it is
//! asked for, and is given changes as a store is.

use async_trait::async_trait;
use syncline_model::{Change, Outcome};
use syncline_store::{ErrorKind, Event, Handler, Result};

use crate::hello;
use crate::process::Process;
use crate::putting::{Putting, Starts};
use crate::settings::ExecSettings;
use crate::writing::{Asking, is_by_content};

/// A program that carries out events.
#[derive(Debug)]
pub struct ExecHandler {
    program: Program,
    putting: Putting,
}

#[derive(Debug)]
struct Program {
    settings: ExecSettings,
    events: Vec<String>,
}

impl ExecHandler {
    /// Starts the program and asks whether it knows these events; nothing else is asked of it.
    pub async fn open(settings: ExecSettings, events: Vec<String>) -> Result<Self> {
        let program = Program { settings, events };
        let (process, batch) = program.greeted().await?;
        let putting = Putting::new(batch, program.settings.limits.line_bytes_max);
        putting.keep(process).await;
        Ok(Self { program, putting })
    }
}

impl Program {
    /// A copy, and how many changes it takes at once.
    async fn greeted(&self) -> Result<(Process, usize)> {
        let (mut process, greeting) = hello::greeting(&self.settings, &self.events).await?;
        let known = greeting.handles;
        let other = self.events.iter().find(|event| !known.contains(event));
        if let Some(event) = other.filter(|_| !known.is_empty()) {
            let what = format!(
                "it does not handle `{event}`; it says that it handles {}",
                known.join(", ")
            );
            return Err(process.trouble(ErrorKind::Configuration, &what).await);
        }
        Ok((process, hello::batch(greeting.batch)))
    }
}

impl Starts for Program {
    async fn copy(&self) -> Result<Process> {
        self.greeted().await.map(|(process, _)| process)
    }
}

impl Drop for ExecHandler {
    fn drop(&mut self) {
        if let Some(process) = self.putting.take() {
            process.leave();
        }
    }
}

#[async_trait]
impl Handler for ExecHandler {
    async fn handle(&self, event: &Event, changes: &[Change]) -> Result<Vec<Outcome>> {
        let asking = Asking::Handle(event);
        let put = (changes, is_by_content);
        self.putting.put(&self.program, asking, put).await
    }
}
