//! `examples/register_server` as a process, spoken to over HTTP.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use common::local::{ACCOUNT, INSTANCE, ROLE, agent, credentials, now};
use serde_json::{Value, json};
use sts_agent_name::agent::Presigner;
use sts_agent_name::testing::LocalSts;
use sts_agent_name::{Audience, Challenge, Endpoint};

struct Process {
    child: Child,
    address: String,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(config: &Value, name: &str) -> Self {
        let test = std::env::current_exe().expect("a path");
        let profile: PathBuf = test.ancestors().nth(2).expect("target/<profile>/deps").into();
        let file = std::env::temp_dir().join(format!("register-server-{name}-{}.json", std::process::id()));
        std::fs::write(&file, config.to_string()).expect("written");
        let program =
            profile.join("examples").join(format!("register_server{}", std::env::consts::EXE_SUFFIX));
        let mut child = Command::new(program)
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("built: cargo build --example register_server");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").expect("its address").to_owned();
        Self { child, address, output }
    }

    /// Status, `Retry-After` and body.
    fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Option<String>, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Token {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let wait = head.lines().find_map(|line| line.strip_prefix("retry-after: ")).map(str::to_owned);
        (status, wait, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
    }

    fn agents(&self, what: &str, token: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) = self.call("POST", &format!("/api/v1/self_hosted_agents/{what}"), token, body);
        (status, body)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn config(sts: &LocalSts, challenge_key: Option<&str>) -> Value {
    json!({
        "listen": "127.0.0.1:0",
        "scope": "acme",
        "store": "memory:",
        "audience": "ci.example.com",
        "challenge_key": challenge_key,
        "agent_types": {
            "s1-linux": {
                "registration_token": "registration-token-1",
                "names": { "assignment": "aws_sts", "accounts": [ACCOUNT], "roles": [ROLE], "release_after_seconds": 60 }
            },
            "s1-plain": { "registration_token": "registration-token-2", "names": { "assignment": "agent" } }
        },
        "danger_stand_in": { "address": sts.addr(), "authority_pem": sts.ca_pem() }
    })
}

fn presigner() -> Presigner {
    Presigner::new(Endpoint::global()).with_audience(Audience::new("ci.example.com").expect("an audience"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_registers_works_and_leaves() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let server = Process::start(&config(&sts, None), "works");
    let none = json!({});
    assert_eq!(server.call("GET", "/health", "", &none).0, 200);

    let presigner = presigner();
    let sign = || json!({ "name": presigner.presign(&credentials(), now()).expect("signed").expose(), "os": "linux" });
    let evidence = sign();
    let (status, body) = server.agents("register", "registration-token-1", &evidence);
    assert_eq!((status, body["name"].as_str()), (201, Some(INSTANCE)), "{body}");
    let token = body["token"].as_str().expect("a token").to_owned();

    let (status, body) = server.agents("register", "registration-token-1", &evidence);
    assert_eq!((status, body["code"].as_str()), (409, Some("already_spent")));
    assert_eq!(server.agents("sync", &token, &none), (200, json!({ "action": "continue" })));
    assert_eq!(server.agents("disconnect", &token, &none).0, 200);
    let (status, body) = server.agents("sync", &token, &none);
    assert_eq!((status, body["code"].as_str()), (409, Some("fenced")));

    let path = "/api/v1/self_hosted_agents/register";
    let (status, wait, body) = server.call("POST", path, "registration-token-1", &sign());
    assert_eq!((status, body["code"].as_str()), (409, Some("name_taken")));
    let wait: u64 = wait.expect("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_json_with_a_code() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let server = Process::start(&config(&sts, None), "refusals");
    for (token, name, want) in [
        ("stolen-or-wrong", "builder-7", (401, "unknown_token")),
        ("registration-token-1", "builder-7", (400, "url_expected")),
        ("registration-token-1", "https://evil.example/?x", (400, "unknown_host")),
        ("registration-token-2", "https://sts.amazonaws.com/", (400, "url_not_expected")),
        ("registration-token-2", INSTANCE, (403, "reserved_name")),
    ] {
        let (status, body) = server.agents("register", token, &json!({ "name": name }));
        assert_eq!((status, body["code"].as_str().expect("a code")), want, "{body}");
        assert!(body["message"].is_string());
    }
    let (status, body) = server.agents("register", "registration-token-2", &json!({}));
    assert_eq!((status, body["name"].as_str().map(str::len)), (201, Some(20)), "{body}");
    for token in ["", "x", "x~y~z", "0123456789abcdef0123456789abcdef~builder-7~s1-none"] {
        assert!(matches!(server.agents("sync", token, &json!({})).0, 401 | 404), "{token}");
    }
    assert_eq!(server.agents("challenge", "registration-token-1", &json!({})).1["code"], "no_challenges");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_makes_its_round_trip() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let server = Process::start(&config(&sts, Some(&"5a".repeat(32))), "challenge");
    let (status, body) = server.agents("challenge", "registration-token-1", &json!({}));
    assert_eq!(status, 200, "{body}");
    let challenge = Challenge::parse(body["challenge"].as_str().expect("a challenge")).expect("well-formed");
    let url = presigner().with_challenge(&challenge).presign(&credentials(), now()).expect("signed");
    let (status, body) = server.agents("register", "registration-token-1", &json!({ "name": url.expose() }));
    assert_eq!((status, body["code"].as_str()), (401, Some("challenge_required")));
    let both = json!({ "name": url.expose(), "challenge": challenge.expose() });
    let (status, body) = server.agents("register", "registration-token-1", &both);
    assert_eq!((status, body["name"].as_str()), (201, Some(INSTANCE)), "{body}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_told_to() {
    let sts = LocalSts::builder().principal(agent()).start().await.expect("a local STS");
    let mut server = Process::start(&config(&sts, None), "stops");
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    assert!(server.child.wait().expect("ended").success());
    let mut rest = String::new();
    server.output.read_to_string(&mut rest).expect("text");
    assert_eq!(rest.trim(), "stopped");
}
