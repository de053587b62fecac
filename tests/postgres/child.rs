//! Other processes: this very binary, started again with a task in its environment.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const TASK: &str = "REGISTRY_TEST_TASK";
const URL: &str = "REGISTRY_TEST_URL";
const NUMBER: &str = "REGISTRY_TEST_NUMBER";
/// What tells a child's lines from those of the test harness.
const MARK: &str = "> ";

/// A child process, killed when it is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts child `number` on `task`; `environment` is added to its own.
    pub(crate) fn start(task: &str, url: &str, number: usize, environment: &[(&str, &str)]) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::a_child_does_its_task", "--nocapture", "--test-threads=1"])
            .env(TASK, task)
            .env(URL, url)
            .env(NUMBER, number.to_string())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// What the child says, line by line until it ends.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        // The last line of a killed process may be cut off, and then has no mark at its end.
        lines.map_while(Result::ok).filter_map(|line| {
            let (_, line) = line.split_once(MARK)?;
            line.strip_suffix(';').map(str::to_owned)
        })
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn finish(mut self) {
        assert!(self.0.wait().unwrap().success());
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tells the parent something, in one write.
#[expect(clippy::print_stdout, reason = "this is how a child answers")]
pub(crate) fn tell(line: &str) {
    println!("{MARK}{line};");
}

/// What a child is, and nothing in any other process.
#[test]
fn a_child_does_its_task() {
    let Ok(task) = std::env::var(TASK) else { return };
    let url = std::env::var(URL).unwrap();
    let number = std::env::var(NUMBER).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        match task.as_str() {
            "claim_all" => crate::concurrency::claim_all(&url, number).await,
            "come_and_go" => crate::concurrency::come_and_go(&url, number).await,
            "clock" => crate::clock::with_another_clock(&url).await,
            "storm" => crate::crash::storm(&url, number).await,
            other => panic!("no task {other}"),
        }
    });
}
