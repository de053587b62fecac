//! What comes back.

use std::time::{Duration, Instant};

use sts_agent_name::policy::Policy;
use sts_agent_name::testing::Fault;
use sts_agent_name::{CallerIdentity, Endpoint};

use crate::common::local::{ACCOUNT, INSTANCE, ROLE, builder, presigned};
use crate::setup::{
    ROLE_ID, XML, finish, from_changed_reply, from_reply, good_reply, plain_policy, replies, role_arn, sts,
    success, urls, verify, verify_with,
};
use crate::wire::{asked, asked_and_answered};

const RESULT: &str = "<GetCallerIdentityResult>";

/// A success of another action, with ours inside it (CVE-2020-16250).
#[test]
fn t45_other_root() {
    replies(45);
    let escaped = good_reply().replace('<', "&lt;").replace('>', "&gt;");
    let other = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{escaped}\
         </AssumeRoleWithWebIdentityResponse>"
    );
    assert_eq!(from_reply(200, XML, other), "malformed_reply");
    assert_eq!(from_reply(200, XML, format!("{}<x/>", good_reply())), "malformed_reply");
    assert_eq!(from_reply(200, XML, format!("x{}", good_reply())), "malformed_reply");
    assert_eq!(from_reply(200, XML, good_reply()), "accept");
}

/// DTD, CDATA, processing instructions and comments.
#[test]
fn t46_markup_beside_elements() {
    replies(46);
    let doctype = format!("<!DOCTYPE x [<!ENTITY a \"{ACCOUNT}\">]>{}", good_reply());
    assert_eq!(from_reply(200, XML, doctype.replace(&format!(">{ACCOUNT}<"), ">&a;<")), "malformed_reply");
    for markup in ["<![CDATA[ ]]>", "<?x y?>", "<!-- -->", "<!DOCTYPE x>", "&nbsp;", "&#49;"] {
        assert_eq!(from_changed_reply(RESULT, &format!("{markup}{RESULT}")), "malformed_reply", "{markup}");
        for element in ["<Account>", "<Arn>", "<RequestId>"] {
            let inside = format!("{element}{markup}");
            assert_eq!(from_changed_reply(element, &inside), "malformed_reply", "{markup} in {element}");
        }
    }
    for element in ["<Account>", "<RequestId>"] {
        assert_eq!(
            from_changed_reply(element, &format!("{element}>")),
            "malformed_reply",
            "a bare > in {element}"
        );
    }
    assert_eq!(from_changed_reply("<RequestId>", "<RequestId>a&amp;b"), "accept");
}

/// What STS may add beside the result: elements without attributes, nested four deep and no deeper.
#[test]
fn metadata_is_passed_over_within_bounds() {
    let nested = |depth: usize| {
        let elements = format!("{}x{}", "<a>".repeat(depth), "</a>".repeat(depth));
        from_changed_reply("<RequestId>", &format!("{elements}<RequestId>"))
    };
    assert_eq!((nested(3), nested(4), nested(5)), ("accept", "accept", "malformed_reply"));
    for (inner, want) in [
        ("<a/>", "accept"),
        ("<a><b/></a>", "accept"),
        ("<a><b><c><d><e/></d></c></b></a>", "malformed_reply"),
        ("<a><b><c><d/></c></b></a>", "accept"),
        ("<a x=\"y\"/>", "malformed_reply"),
        ("<a x=\"y\"></a>", "malformed_reply"),
        ("<a:b/>", "malformed_reply"),
        ("<a></b>", "malformed_reply"),
    ] {
        assert_eq!(from_changed_reply("<RequestId>", &format!("{inner}<RequestId>")), want, "{inner}");
    }
}

/// A comment splits a text in two, and readers take the first half.
#[test]
fn t47_split_text() {
    replies(47);
    for split in ["1234<!-- -->56789012", "1234<?x?>56789012", "1234<![CDATA[5678]]>9012", "1234<b/>56789012"]
    {
        assert_eq!(from_changed_reply(">123456789012<", &format!(">{split}<")), "malformed_reply", "{split}");
    }
}

/// Two results, or two of a text, of which readers take the first or the last.
#[test]
fn t48_two_of_a_kind() {
    replies(48);
    let good = good_reply();
    let (start, end) = (good.find(RESULT).unwrap(), good.find("<ResponseMetadata>").unwrap());
    let result = &good[start..end];
    assert_eq!(from_changed_reply(RESULT, &format!("{result}{RESULT}")), "malformed_reply");
    for element in ["Arn", "UserId", "Account"] {
        let again = format!("<{element}>x</{element}><{element}>");
        assert_eq!(from_changed_reply(&format!("<{element}>"), &again), "malformed_reply", "{element}");
    }
}

/// No result, where some readers take the first of none.
#[test]
fn t49_empty_result() {
    replies(49);
    let root = |inner: &str| {
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{inner}\
             </GetCallerIdentityResponse>"
        )
    };
    for inner in
        ["", " ", "<GetCallerIdentityResult></GetCallerIdentityResult>", "<GetCallerIdentityResult/>"]
    {
        assert_eq!(from_reply(200, XML, root(inner)), "malformed_reply", "{inner}");
        assert_eq!(finish(&plain_policy(), 200, XML, root(inner).as_bytes()), "invalid_reply");
    }
}

/// Another namespace, or a prefix.
#[test]
fn t50_wrong_namespace() {
    replies(50);
    assert_eq!(
        from_changed_reply("https://sts.amazonaws.com/doc/2011-06-15/", "https://evil/"),
        "malformed_reply"
    );
    assert_eq!(from_changed_reply(" xmlns=", " xmlns:a="), "malformed_reply");
    let prefixed = good_reply()
        .replace("<GetCallerIdentityResponse xmlns=", "<a:GetCallerIdentityResponse xmlns:a=")
        .replace("</GetCallerIdentityResponse", "</a:GetCallerIdentityResponse");
    assert_eq!(from_reply(200, XML, prefixed), "malformed_reply");
}

/// JSON, which STS writes for those who ask for it.
#[tokio::test]
async fn t51_json_instead_of_xml() {
    urls(51);
    replies(51);
    let json = "{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{}}}";
    assert_eq!(from_reply(200, Some("application/json"), json), "wrong_content_type");
    assert_eq!(from_reply(200, Some("application/json"), good_reply()), "wrong_content_type");
    assert_eq!(from_reply(200, None, good_reply()), "wrong_content_type");
    let url = presigned(&Endpoint::global());
    let sts = sts().await;
    sts.play(Fault::Json);
    assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "invalid_reply");
    let asked = asked("sts.amazonaws.com", url.expose(), &plain_policy()).await;
    let accepts = asked.headers().into_iter().filter(|(name, _)| name == "accept").map(|(_, value)| value);
    assert_eq!(accepts.collect::<Vec<_>>(), ["text/xml"]);
}

/// The body of an error under 200, or that of a success under an error's status.
#[tokio::test]
async fn t52_status_and_body_differ() {
    replies(52);
    for status in [201, 202, 204, 400, 403, 404] {
        assert_eq!(from_reply(status, XML, good_reply()), "malformed_reply", "{status}");
    }
    assert_eq!(from_reply(500, XML, good_reply()), "server_error");
    let sts = sts().await;
    let url = presigned(&Endpoint::global());
    for fault in [Fault::ErrorWith200, Fault::SuccessWith403] {
        sts.play(fault.clone());
        assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "invalid_reply", "{fault:?}");
    }
}

/// A body without end, or one that comes a byte a second.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the deadline is what is tested")]
async fn t53_endless_or_slow_body() {
    replies(53);
    let padded = |length: usize| format!("{}{}", good_reply(), " ".repeat(length - good_reply().len()));
    assert_eq!(from_reply(200, XML, padded(CallerIdentity::MAX_REPLY)), "accept");
    assert_eq!(from_reply(200, XML, padded(CallerIdentity::MAX_REPLY + 1)), "too_large");
    let sts = sts().await;
    let url = presigned(&Endpoint::global());
    let limit = Duration::from_millis(500);
    for (fault, want) in [
        (Fault::EndlessBody, "invalid_reply"),
        (Fault::HugeBody, "invalid_reply"),
        (Fault::Drip, "unavailable"),
        (Fault::DripHead, "unavailable"),
        (Fault::NeverAnswer, "unavailable"),
    ] {
        sts.play(fault.clone());
        let began = Instant::now();
        let outcome = verify_with(builder(&sts).timeout(limit), url.expose(), &plain_policy()).await;
        assert_eq!(outcome, want, "{fault:?}");
        assert!(began.elapsed() < limit * 3 / 2 + Duration::from_secs(1), "{fault:?}");
    }
}

/// A small body that unpacks to a gigabyte.
#[tokio::test]
async fn t54_compressed_bomb() {
    replies(54);
    let sts = sts().await;
    sts.play(Fault::GzipBomb);
    let url = presigned(&Endpoint::global());
    assert_eq!(verify(&sts, url.expose(), &plain_policy()).await, "invalid_reply");
    // An encoding that was not asked for is refused by its name, even if the bytes are plain.
    for line in
        ["Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n", "Content-Encoding: gzip, identity\r\n"]
    {
        let answered = asked_and_answered("sts.amazonaws.com", url.expose(), &plain_policy(), line).await;
        assert_eq!(answered.outcome, "invalid_reply", "{line}");
    }
    let asked = asked("sts.amazonaws.com", url.expose(), &plain_policy()).await;
    assert_eq!(asked.outcome, "verified");
    let encodings = asked.headers().into_iter().filter(|(name, _)| name == "accept-encoding");
    assert_eq!(encodings.map(|(_, value)| value).collect::<Vec<_>>(), ["identity"]);
}

/// Bytes that are no UTF-8, and carriage returns, which XML rewrites.
#[test]
fn t55_bad_utf8_and_carriage_returns() {
    replies(55);
    assert_eq!(from_changed_reply("\n", "\r\n"), "malformed_reply");
    assert_eq!(from_changed_reply("\n", "\r"), "malformed_reply");
    for bytes in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", "\u{feff}".as_bytes(), b"\0"] {
        for body in [[good_reply().as_bytes(), bytes].concat(), [bytes, good_reply().as_bytes()].concat()] {
            assert_eq!(from_reply(200, XML, body), "malformed_reply", "{bytes:?}");
        }
    }
}

/// The account is not that of the ARN.
#[test]
fn t56_account_does_not_match_arn() {
    replies(56);
    let user_id = format!("{ROLE_ID}:{INSTANCE}");
    let body = success(&role_arn("222222222222", ROLE, INSTANCE), &user_id, ACCOUNT);
    assert_eq!(from_reply(200, XML, &body), "identity_mismatch");
    let either = Policy::builder()
        .account(ACCOUNT)
        .account("222222222222")
        .any_role()
        .name_template("{account_id}/{instance_id}");
    assert_eq!(finish(&either.build().expect("a policy"), 200, XML, body.as_bytes()), "invalid_reply");
}

/// The session in the user ID is not that of the ARN.
#[test]
fn t57_user_id_session_differs() {
    replies(57);
    let arn = role_arn(ACCOUNT, ROLE, "i-00000000000000002");
    for user_id in ["AROADBQP57FF2AEXAMPLE:i-00000000000000001", "AROADBQP57FF2AEXAMPLE:I-00000000000000002"]
    {
        assert_eq!(from_reply(200, XML, success(&arn, user_id, ACCOUNT)), "identity_mismatch", "{user_id}");
    }
}
