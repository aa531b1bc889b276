//! One running program: a line in, lines out, and never without a bound.
//!
//! Whatever goes wrong is told as an error of the store with what the program said last on standard
//! error. A program that was given up is killed together with everything it started.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use syncline_store::{ErrorKind, Result, StoreError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};

use crate::settings::{ExecSettings, Limits};
use crate::shown::Veil;

/// What is kept of standard error.
const COMPLAINTS_BYTES_MAX: usize = 8 << 10;
/// How long a program that has closed its output may take to end, and what it said to arrive.
const ENDING: Duration = Duration::from_millis(500);
/// How long a program that is no longer needed may take to end by itself.
const LEAVING: Duration = Duration::from_secs(3);

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    input: ChildStdin,
    output: FramedRead<ChildStdout, LinesCodec>,
    complaints: Complaints,
    limits: Limits,
    veil: Veil,
    child: Child,
    /// Last, so that all goes before the group does.
    _group: Group,
}

impl Process {
    /// Starts the program.
    pub(crate) fn start(settings: &ExecSettings) -> Result<Self> {
        let mut child = command(settings)?.spawn().map_err(|error| {
            let program = settings.command.first().map_or("", String::as_str);
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Local,
            };
            StoreError::new(kind, format!("cannot start `{program}`: {error}"))
                .with_hint("the first item of `command` must be a program that can be run")
        })?;
        let group = Group::of(&child);
        let veil = Veil::new(settings.environment.values().cloned());
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(StoreError::new(
                ErrorKind::Local,
                "a program was started without pipes",
            ));
        };
        let lines = LinesCodec::new_with_max_length(settings.limits.line_bytes_max);
        Ok(Self {
            input,
            output: FramedRead::new(output, lines),
            complaints: Complaints::of(errors),
            limits: settings.limits,
            veil,
            child,
            _group: group,
        })
    }

    /// Writes one line.
    pub(crate) async fn ask(&mut self, request: &impl Serialize) -> Result<()> {
        let line = line(request)?;
        if line.len() > self.limits.line_bytes_max {
            let message = format!(
                "a request to the program is longer than {} bytes",
                self.limits.line_bytes_max
            );
            return Err(StoreError::new(ErrorKind::InvalidData, message));
        }
        let written = async {
            self.input.write_all(&line).await?;
            self.input.flush().await
        };
        match timeout(self.limits.answer, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.ended().await),
            Err(_) => {
                let message = format!("it did not read a request in {}", said(self.limits.answer));
                Err(self.trouble(ErrorKind::Unavailable, &message).await)
            }
        }
    }

    /// The next line of an answer that is due.
    pub(crate) async fn line(&mut self) -> Result<String> {
        self.line_within(self.limits.answer).await
    }

    /// The next line, within a time.
    pub(crate) async fn line_within(&mut self, limit: Duration) -> Result<String> {
        let Ok(next) = timeout(limit, self.output.next()).await else {
            let message = format!("it was silent for {} with an answer due", said(limit));
            return Err(self.trouble(ErrorKind::Unavailable, &message).await);
        };
        match next {
            Some(Ok(line)) => Ok(line),
            Some(Err(LinesCodecError::MaxLineLengthExceeded)) => {
                let message = format!(
                    "it wrote a line longer than {} bytes",
                    self.limits.line_bytes_max
                );
                Err(self.trouble(ErrorKind::InvalidData, &message).await)
            }
            Some(Err(LinesCodecError::Io(error)))
                if error.kind() == std::io::ErrorKind::InvalidData =>
            {
                let message = "it wrote something that is not UTF-8";
                Err(self.trouble(ErrorKind::InvalidData, message).await)
            }
            Some(Err(_)) | None => Err(self.ended().await),
        }
    }

    /// An error about what the program did, with what it complained about.
    pub(crate) async fn trouble(&mut self, kind: ErrorKind, what: &str) -> StoreError {
        let said = self.veil.tail(&self.complaints.text().await);
        let message = if said.is_empty() {
            format!("the program misbehaved: {what}")
        } else {
            format!("the program misbehaved: {what}; it wrote to standard error: {said}")
        };
        StoreError::new(kind, message).with_hint(
            "nothing counts as done that it did not answer for; docs/exec-protocol.md says what it \
             has to answer",
        )
    }

    /// Words of the program, fit to be shown.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.veil.head(text)
    }

    /// The error that the program has ended.
    async fn ended(&mut self) -> StoreError {
        let status = timeout(ENDING, self.child.wait()).await;
        let how = match status {
            Ok(Ok(status)) => ending(status),
            _ => "it closed its output".to_owned(),
        };
        let what = format!("{how} with an answer due");
        self.trouble(ErrorKind::Unavailable, &what).await
    }

    /// Lets a program go that did what it was asked: it may end by itself for a short while.
    pub(crate) fn leave(self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let Self {
                    input,
                    mut child,
                    _group: group,
                    complaints,
                    output,
                    ..
                } = self;
                drop(input);
                drop(output);
                let _ended = timeout(LEAVING, child.wait()).await;
                drop((group, complaints));
            });
        }
    }
}

fn command(settings: &ExecSettings) -> Result<Command> {
    let Some((program, arguments)) = settings.command.split_first() else {
        return Err(StoreError::new(
            ErrorKind::Configuration,
            "the command of a program is empty",
        ));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&settings.folder)
        .env_clear()
        .envs(&settings.surroundings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for (name, value) in &settings.environment {
        command.env(name, value.expose_secret());
    }
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

/// A request as one line. Line breaks in a payload stand between its values, where a space will do.
fn line(request: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(request).map_err(|error| {
        StoreError::new(ErrorKind::InvalidData, "a request cannot be written").with_source(error)
    })?;
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line.push(b'\n');
    Ok(line)
}

fn said(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("it ended with status {code}"),
        None => "it was killed".to_owned(),
    }
}

/// The end of what a program writes to standard error.
#[derive(Debug)]
struct Complaints {
    kept: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Complaints {
    fn of(mut errors: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; 4 << 10];
            while let Ok(read) = errors.read(&mut buffer).await {
                let Some(fresh) = buffer.get(..read).filter(|fresh| !fresh.is_empty()) else {
                    return;
                };
                let mut kept = keeping.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(fresh);
                let excess = kept.len().saturating_sub(COMPLAINTS_BYTES_MAX);
                kept.drain(..excess);
            }
        });
        Self { kept, reading }
    }

    /// What is kept, once the program has closed standard error or a short while later.
    async fn text(&mut self) -> String {
        let _closed = timeout(ENDING, &mut self.reading).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Drop for Complaints {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// The process group of a program, which is killed when this goes.
#[derive(Debug)]
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            leader: id.and_then(rustix::process::Pid::from_raw),
        }
    }

    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // It is well if nothing of it is left.
            let _none_left =
                rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}
