//! A PostgreSQL server of a test's own, which may be killed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// A server in a temporary folder. It ends with this value.
pub(crate) struct Cluster {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
}

impl Cluster {
    /// Makes an empty cluster and starts its server. With `files` in its folder, owned by its user.
    pub(crate) fn start(settings: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        for (name, text) in files {
            fs::write(home.join(name), text).unwrap();
            fs::set_permissions(home.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        if is_root() {
            let (user, group) = (id("-u"), id("-g"));
            chown(&home, Some(user), Some(group)).unwrap();
            for (name, _) in files {
                chown(home.join(name), Some(user), Some(group)).unwrap();
            }
        }
        let data = home.join("data");
        let made = unprivileged("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "initdb");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut cluster = Self { folder, port, settings, server: None };
        cluster.restart();
        cluster
    }

    /// The URL without parameters.
    pub(crate) fn url(&self) -> String {
        self.url_of("127.0.0.1")
    }

    pub(crate) fn url_of(&self, host: &str) -> String {
        format!("postgres://postgres@{host}:{}/postgres", self.port)
    }

    /// Starts the server, which is not running, and waits until it takes connections.
    pub(crate) fn restart(&mut self) {
        for _ in 0..100 {
            self.reap();
            let mut command = unprivileged("postgres");
            command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-k"]).arg(self.home());
            for setting in ["listen_addresses=127.0.0.1", "fsync=on", "logging_collector=off"] {
                command.args(["-c", setting]);
            }
            for setting in &self.settings {
                command.args(["-c", setting]);
            }
            let log =
                fs::File::options().append(true).create(true).open(self.folder.path().join("log")).unwrap();
            self.server = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
            for _ in 0..200 {
                if self.is_ready() {
                    return;
                }
                // Gone at once: what was left of the server that was killed is still going.
                if self.server.as_mut().unwrap().try_wait().unwrap().is_some() {
                    break;
                }
                sleep(Duration::from_millis(50));
            }
            sleep(Duration::from_millis(100));
        }
        panic!("no server: {}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
    }

    /// Ends the server with SIGKILL, and the processes that it started with it, as a crash of its machine would.
    pub(crate) fn kill(&mut self) {
        // Not waited for yet, so the number is still its own.
        let Some(postmaster) = self.server.as_ref().map(|server| server.id().to_string()) else { return };
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        signal("-KILL", &postmaster);
        for child in children.unwrap_or_default().split_whitespace() {
            signal("-KILL", child);
        }
        self.reap();
    }

    fn is_ready(&self) -> bool {
        let ready = Command::new(program("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status();
        ready.unwrap().success()
    }

    fn reap(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.wait().unwrap();
        }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn data(&self) -> PathBuf {
        self.home().join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program of the server, run by somebody whom it is willing to run for: it refuses root.
fn unprivileged(name: &str) -> Command {
    if !is_root() {
        return Command::new(program(name));
    }
    let mut command = Command::new("setpriv");
    // A test that is itself killed leaves no server behind.
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"])
        .arg(program(name));
    command
}

fn program(name: &str) -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output();
    let told = told.ok().filter(|output| output.status.success());
    let told = told.map(|output| PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()));
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = told.into_iter().chain(installed.map(|version| version.path().join("bin")));
    folders.map(|folder| folder.join(name)).find(|path| path.exists()).expect("the programs of PostgreSQL")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn id(which: &str) -> u32 {
    let output = Command::new("id").args([which, "postgres"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().expect("a user called postgres")
}

fn signal(signal: &str, process: &str) {
    let _ = Command::new("kill").args([signal, process]).stderr(Stdio::null()).status();
}
