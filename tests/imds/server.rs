//! A metadata service on loopback: IMDSv2 as it is documented, with scripted answers where a test wants them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sts_agent_name::agent::imds::{Imds, ImdsBuilder, ImdsEndpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

pub(crate) const TOKEN_PATH: &str = "/latest/api/token";
pub(crate) const IDENTITY_PATH: &str =
    "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance";
pub(crate) const PROFILE_PATH: &str = "/latest/meta-data/iam/security-credentials/";
pub(crate) const ROLE_PATH: &str = "/latest/meta-data/iam/security-credentials/ci-agent";
pub(crate) const REGION_PATH: &str = "/latest/meta-data/placement/region";
pub(crate) const INSTANCE_PATH: &str = "/latest/meta-data/instance-id";

pub(crate) const KEY: &str = "ASIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE/+token==";
pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";
/// What every session token of this service begins with.
pub(crate) const TOKEN_START: &str = "AQAEAEXAMPLEtoken";

/// What one connection gets.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This status, and what it says.
    Status(u16, String),
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, each after a pause.
    Drip(Vec<u8>, Duration),
    /// These bytes over and over.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, while the connection stands: the reply's packets died on their way.
    Silence,
}

pub(crate) fn ok(body: &str) -> Answer {
    Answer::Status(200, body.to_owned())
}

pub(crate) fn status(status: u16) -> Answer {
    Answer::Status(status, format!("<html>{status} {SECRET}</html>"))
}

/// The document as IMDS writes it, with credentials that end in `left`.
pub(crate) fn document(left: Duration) -> String {
    format!(
        "{{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2026-01-01T00:00:00Z\",\n  \"Type\" : \"AWS-HMAC\",\n  \
         \"AccessKeyId\" : \"{KEY}\",\n  \"SecretAccessKey\" : \"{SECRET}\",\n  \"Token\" : \"{SESSION_TOKEN}\",\n  \
         \"Expiration\" : \"{}\"\n}}",
        in_the_form_of_imds(left)
    )
}

#[expect(clippy::disallowed_methods, reason = "a service has a clock")]
fn in_the_form_of_imds(left: Duration) -> String {
    let at = time::OffsetDateTime::now_utc() + left;
    let (date, time) = (at.date(), at.time());
    format!("{date}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}

#[derive(Default)]
struct State {
    scripts: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    tokens: Vec<(String, Instant)>,
    issued: usize,
    seen: Vec<String>,
}

/// Stops when it is dropped.
pub(crate) struct LocalImds {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl LocalImds {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await.expect("loopback")
    }

    pub(crate) async fn start_at(address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, state, task })
    }

    pub(crate) fn endpoint(&self) -> ImdsEndpoint {
        ImdsEndpoint::parse(&format!("http://{}", self.address)).expect("an endpoint")
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// A client with short limits, so that a test of a limit is short.
    pub(crate) fn client(&self) -> Imds {
        self.builder().build()
    }

    pub(crate) fn builder(&self) -> ImdsBuilder {
        Imds::builder(self.endpoint())
            .reply_timeout(Duration::from_millis(300))
            .timeout(Duration::from_secs(3))
    }

    /// The next answers at `path`, one a request; then it is as before.
    pub(crate) fn next(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().scripts.entry(path.to_owned()).or_default().extend(answers);
    }

    /// The answer at `path` from now on.
    pub(crate) fn always(&self, path: &str, answer: Answer) {
        self.state.lock().unwrap().always.insert(path.to_owned(), answer);
    }

    /// Makes every session token unknown.
    pub(crate) fn forget_tokens(&self) {
        self.state.lock().unwrap().tokens.clear();
    }

    /// The heads of all requests, in their order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Method and path of all requests, in their order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |head: &String| head.split(" HTTP/").next().unwrap().to_owned();
        self.seen().iter().map(line).collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.lines().iter().filter(|line| line.split_once(' ').unwrap().1 == path).count()
    }
}

impl Drop for LocalImds {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).expect("text");
    let answer = answer(&head, &mut state.lock().unwrap());
    // A client that has seen enough hangs up: no fault of the service.
    let _ = send(&mut stream, answer).await;
}

fn answer(head: &str, state: &mut State) -> Answer {
    state.seen.push(head.to_owned());
    let (line, fields) = head.split_once("\r\n").unwrap();
    let [method, path, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else { return status(400) };
    let field = |wanted: &str| {
        let found = fields.lines().filter_map(|line| line.split_once(": "));
        found.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value).next()
    };
    if let Some(answer) = state.scripts.get_mut(path).and_then(VecDeque::pop_front) {
        return answer;
    }
    if let Some(answer) = state.always.get(path) {
        return answer.clone();
    }
    if field("x-forwarded-for").is_some() {
        return status(403);
    }
    if (method, path) == ("PUT", TOKEN_PATH) {
        let ttl = field("x-aws-ec2-metadata-token-ttl-seconds").and_then(|ttl| ttl.parse().ok());
        let Some(ttl) = ttl.filter(|ttl| (1..=21600).contains(ttl)) else { return status(400) };
        state.issued += 1;
        let token = format!("{TOKEN_START}{}==", state.issued);
        state.tokens.push((token.clone(), Instant::now() + Duration::from_secs(ttl)));
        return token_reply(&token, &ttl.to_string());
    }
    let token = field("x-aws-ec2-metadata-token");
    if !state.tokens.iter().any(|(it, ends)| Some(it.as_str()) == token && Instant::now() < *ends) {
        return status(401);
    }
    match (method, path) {
        ("GET", IDENTITY_PATH | ROLE_PATH) => ok(&document(Duration::from_hours(6))),
        ("GET", PROFILE_PATH) => ok("ci-agent"),
        ("GET", REGION_PATH) => ok("eu-central-1"),
        ("GET", INSTANCE_PATH) => ok(INSTANCE),
        _ => status(404),
    }
}

/// A session token as IMDS sends it.
pub(crate) fn token_reply(token: &str, ttl: &str) -> Answer {
    let length = token.len();
    Answer::Bytes(
        format!(
            "HTTP/1.1 200 OK\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: {ttl}\r\nContent-Length: {length}\r\n\
             Content-Type: text/plain\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: EC2ws\r\n\
             Connection: close\r\n\r\n{token}"
        )
        .into(),
    )
}

async fn send(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Status(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} Said So\r\nContent-Type: text/plain\r\nAccept-Ranges: none\r\n\
                 Content-Length: {}\r\nServer: EC2ws\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await
        }
        Answer::Bytes(bytes) => stream.write_all(&bytes).await,
        Answer::Drip(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                sleep(pause).await;
            }
            Ok(())
        }
        Answer::Endless(start, more) => {
            stream.write_all(&start).await?;
            loop {
                stream.write_all(&more).await?;
            }
        }
        Answer::Silence => {
            sleep(Duration::from_mins(1)).await;
            Ok(())
        }
    }
}

#[tokio::test]
async fn the_local_service_is_version_2_only() {
    let imds = LocalImds::start().await;
    for (request, want) in [
        ("GET /latest/meta-data/instance-id HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 401 "),
        ("PUT /latest/api/token HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP/1.1 400 "),
        (
            "PUT /latest/api/token HTTP/1.1\r\nx-aws-ec2-metadata-token-ttl-seconds: 21601\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            "PUT /latest/api/token HTTP/1.1\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n\
             x-forwarded-for: 192.0.2.1\r\n\r\n",
            "HTTP/1.1 403 ",
        ),
    ] {
        let mut stream = TcpStream::connect(imds.address()).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("a reply");
        assert!(reply.starts_with(want), "{request} {reply}");
    }
}
