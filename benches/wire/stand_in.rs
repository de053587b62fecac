//! What answers in STS's place: a process of its own, so that its CPU is not the client's, which sends recorded bytes
//! and checks nothing.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub(crate) mod child {
    /// The environment variables by which a child of the bench knows that it is one.
    pub(crate) const MODE: &str = "WIRE_CHILD";
    pub(crate) const PAUSE: &str = "WIRE_PAUSE";
}

pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";
const HOST: &str = "sts.amazonaws.com";
const BODY: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:sts::123456789012:assumed-role/ci-agent/i-0123456789abcdef0</Arn>
    <UserId>AROAIOSFODNN7EXAMPLE:i-0123456789abcdef0</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>c025e1ba-c36b-4078-9407-fdd02eaee5aa</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
"#;

/// A running stand-in. It ends when its input does, so with the bench at the latest.
pub(crate) struct Sts {
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
    child: Child,
    line: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Sts {
    /// One that answers after a while, or never.
    pub(crate) fn start(pause: Option<Duration>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(child::MODE, "sts").env_remove(child::PAUSE);
        if let Some(pause) = pause {
            command.env(child::PAUSE, pause.as_millis().to_string());
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        output.read_line(&mut address).unwrap();
        let mut authority = String::new();
        while !authority.contains("-----END") {
            assert!(output.read_line(&mut authority).unwrap() > 0, "the stand-in did not start");
        }
        let line = RefCell::new((child.stdin.take().unwrap(), output));
        Self { address: address.trim().parse().unwrap(), authority, child, line }
    }

    /// How many `connections` or `requests` there were.
    pub(crate) fn ask(&self, what: &str) -> usize {
        let (input, output) = &mut *self.line.borrow_mut();
        writeln!(input, "{what}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        answer.trim().parse().unwrap()
    }
}

impl Drop for Sts {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// The child's part.
pub(crate) fn serve() {
    let pause = std::env::var(child::PAUSE).ok().map(|text| Duration::from_millis(text.parse().unwrap()));
    let counts = Arc::new(Counts::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let certified = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let socket = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        socket.listen(4096).unwrap()
    });
    println!("{}", socket.local_addr().unwrap());
    println!("{}", certified.cert.pem().trim());
    let shared = Arc::clone(&counts);
    runtime.spawn(async move {
        loop {
            let (tcp, _) = socket.accept().await.unwrap();
            shared.connections.fetch_add(1, Ordering::Relaxed);
            tcp.set_nodelay(true).unwrap();
            let (acceptor, counts) = (acceptor.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                // What goes wrong here goes wrong for the client, too.
                let _ = answer(tcp, acceptor, &counts, pause).await;
            });
        }
    });
    for line in std::io::stdin().lines() {
        let count = if line.unwrap() == "requests" { &counts.requests } else { &counts.connections };
        println!("{}", count.load(Ordering::Relaxed));
        std::io::stdout().flush().unwrap();
    }
}

async fn answer(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    counts: &Counts,
    pause: Option<Duration>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    let head = "HTTP/1.1 200 OK\r\nx-amzn-RequestId: c025e1ba-c36b-4078-9407-fdd02eaee5aa\r\n\
        Content-Type: text/xml\r\n";
    let reply = format!("{head}Content-Length: {}\r\n\r\n{BODY}", BODY.len());
    let mut request = Vec::with_capacity(4096);
    while stream.read_buf(&mut request).await? > 0 {
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        request.clear();
        counts.requests.fetch_add(1, Ordering::Relaxed);
        match pause {
            None => continue,
            Some(Duration::ZERO) => {}
            Some(pause) => tokio::time::sleep(pause).await,
        }
        stream.write_all(reply.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}
