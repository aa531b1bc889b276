//! Jobs side by side: never more than the file says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use syncline::{JobOutcome, JobsArgs, JobsObserver, NamedJob, Observer, PublishJobs};
use syncline_sandbox::ApiVersion::V7_3;
use tokio_util::sync::CancellationToken;

use crate::publishing_pair::{Pair, STUDENTS, arguments, student};
use crate::site::quiet;

/// How many jobs run, and how many ran at most.
#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl JobsObserver for Running {
    fn begins(&self, _: &str) -> Arc<dyn Observer> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        quiet()
    }

    fn ended(&self, _: &JobOutcome) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_jobs_run_at_once_than_the_file_says() {
    let pair = Pair::empty(V7_3, V7_3).await;
    pair.hand().await.put(STUDENTS, &student(1, "Ada")).await;
    let config = pair.config();
    for at_once in [1, 3] {
        let given = arguments(&config);
        let job = |number: usize| {
            let mut settings = given.settings.clone();
            settings.job = Some(format!("{at_once}-{number}"));
            NamedJob {
                name: number.to_string(),
                settings,
            }
        };
        let jobs = PublishJobs {
            at_once,
            jobs: (0..5).map(job).collect(),
        };
        let all = JobsArgs {
            start: given.start,
            force: false,
            owed_only: false,
            holder: given.holder.clone(),
        };
        let running = Running::default();
        let stop = CancellationToken::new();
        let outcomes = syncline::publish_jobs(&config, &jobs, &all, (&running, &stop)).await;
        let statuses: Vec<u8> = outcomes.iter().map(JobOutcome::exit_status).collect();
        assert_eq!(statuses, [0; 5], "{outcomes:#?}");
        assert_eq!(running.most.into_inner(), at_once);
        assert_eq!(running.now.into_inner(), 0);
    }
}
