//! `verify` against the local STS, through the public way to an endpoint of one's own.

use std::fs;

use serde_json::Value;
use sts_agent_name::testing::{Fault, LocalSts, Principal};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::common::local::{ACCOUNT, INSTANCE, KEY, ROLE, SECRET, TOKEN, agent};
use crate::run::{Ended, KEYS, run};

struct Sts {
    server: LocalSts,
    url: String,
    folder: TempDir,
    // Behind the server, which ends first.
    _runtime: Runtime,
}

impl Sts {
    fn of(principal: Principal) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let server = runtime.block_on(LocalSts::builder().principal(principal).start()).expect("a local STS");
        let url = format!("https://localhost:{}", server.addr().port());
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).expect("written");
        Self { server, url, folder, _runtime: runtime }
    }

    fn evidence(&self, more: &[&str]) -> String {
        let arguments = ["presign", "--region", "us-east-1", "--endpoint-url", &self.url];
        run(&[&arguments[..], more].concat(), &KEYS, b"").out
    }

    fn verify(&self, more: &[&str], evidence: &str) -> Ended {
        let ca = self.folder.path().join("ca.pem");
        let server = ["--endpoint-url", &self.url, "--ca-file", ca.to_str().expect("text")];
        run(&[&["verify", "--account", ACCOUNT], &server[..], more].concat(), &[], evidence.as_bytes())
    }
}

#[track_caller]
fn refused(ended: &Ended, code: &str) {
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    assert!(ended.err.starts_with(&format!("{code}: ")), "{}", ended.err);
    assert!(ended.err.contains("\n  remedy: "), "{}", ended.err);
}

#[test]
fn what_presign_signs_verify_names() {
    let sts = Sts::of(agent());
    let evidence = sts.evidence(&[]);
    let named = sts.verify(&["--role", "ci-*"], &evidence);
    assert_eq!((named.code, named.out, named.err), (0, format!("{INSTANCE}\n"), String::new()));
    let list = sts.verify(&["--role", "other, ci-agent", "-"], evidence.trim_end());
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    let argument = sts.verify(&["--role", "x", "--role", ROLE, evidence.trim_end()], "");
    assert_eq!((argument.code, argument.out), (0, format!("{INSTANCE}\n")));
}

#[test]
fn json_says_who() {
    let sts = Sts::of(agent());
    let ended = sts.verify(&["--role", ROLE, "--json"], &sts.evidence(&[]));
    let value: Value = serde_json::from_str(&ended.out).expect("JSON");
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/{INSTANCE}");
    for (key, want) in [
        ("name", INSTANCE),
        ("arn", &arn),
        ("account", ACCOUNT),
        ("instance_id", INSTANCE),
        ("region", "us-east-1"),
    ] {
        assert_eq!(value[key].as_str(), Some(want), "{key}");
    }
    assert!(value["user_id"].as_str().expect("text").ends_with(INSTANCE));
    assert!(value["owner"].as_str().expect("text").starts_with("aws/"));
    assert_eq!(value["signature_fingerprint"].as_str().expect("text").len(), 64);
}

#[test]
fn an_audience_must_be_the_same_on_both_sides() {
    let sts = Sts::of(agent());
    let ours = sts.evidence(&["--audience", "ci"]);
    let verify = |more: &[&str], evidence: &str| sts.verify(&[&["--role", ROLE], more].concat(), evidence);
    assert_eq!(verify(&["--audience", "ci"], &ours).code, 0);
    refused(&verify(&["--audience", "other"], &ours), "wrong_audience_or_signature");
    refused(&verify(&["--audience", "ci"], &sts.evidence(&[])), "audience_not_signed");
    refused(&verify(&[], &ours), "unexpected_signed_header");
}

#[test]
fn refusals_come_with_their_code() {
    let sts = Sts::of(agent());
    let evidence = sts.evidence(&[]);
    let role = sts.verify(&["--role", "other"], &evidence);
    refused(&role, "role_not_allowed");
    assert!(
        role.err.contains(&format!("seen: caller arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/")),
        "{}",
        role.err
    );
    refused(&sts.verify(&["--any-instance"], &evidence), "caller_kind_not_allowed");
    let asked = sts.server.requests();
    refused(&sts.verify(&["--role", ROLE], "i-0123456789abcdef0"), "not_https");
    refused(&sts.verify(&["--role", ROLE], ""), "not_https");
    refused(&sts.verify(&["--role", ROLE], &evidence.replace("&Version", "\n&Version")), "forbidden_byte");
    let elsewhere = run(&["presign", "--region", "us-east-1"], &KEYS, b"").out;
    refused(&sts.verify(&["--role", ROLE], &elsewhere), "endpoint_not_allowed");
    assert_eq!(sts.server.requests(), asked, "none of these is worth a question");
    let last = if evidence.trim_end().ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &evidence[..evidence.len() - 2]);
    refused(&sts.verify(&["--role", ROLE], &forged), "signature_rejected");
}

#[test]
fn an_instance_proves_itself() {
    let sts = Sts::of(Principal::instance_identity(KEY, SECRET, TOKEN, ACCOUNT, INSTANCE));
    let evidence = sts.evidence(&[]);
    assert_eq!(sts.verify(&["--any-instance"], &evidence).out, format!("{INSTANCE}\n"));
    refused(&sts.verify(&["--role", "ci-*"], &evidence), "caller_kind_not_allowed");
}

#[test]
fn what_sts_does_not_decide_is_neither_yes_nor_no() {
    let sts = Sts::of(agent());
    let evidence = sts.evidence(&[]);
    for (fault, code) in [
        (Fault::Status(503), "unavailable: "),
        (Fault::Throttle { retry_after: None }, "throttled: "),
        (Fault::Html, "invalid_reply: "),
        (Fault::CloseInsteadOfReply, "unavailable: "),
    ] {
        sts.server.play(fault);
        let ended = sts.verify(&["--role", ROLE], &evidence);
        assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{}", ended.err);
        assert!(ended.err.starts_with(code), "{}", ended.err);
    }
    sts.server.behave();
    // Another authority than the server's.
    let other = Sts::of(agent());
    fs::write(sts.folder.path().join("ca.pem"), other.server.ca_pem()).expect("written");
    let ended = sts.verify(&["--role", ROLE], &evidence);
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.starts_with("unavailable: "), "{}", ended.err);
}
