//! The server: how it is set up, and the handle on it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::certificate::Authority;
use super::connection::{Open, Shared, serve};
use super::decision::Rules;
use super::host::Hosts;
use super::script::Script;
use super::{Certificate, Fault, Principal};

/// A running local STS. Dropping it stops the server and closes every connection.
///
/// ```
/// use sts_agent_name::server::Verifier;
/// use sts_agent_name::testing::LocalSts;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sts = LocalSts::builder().start().await?;
/// let verifier = Verifier::builder().danger_stand_in(sts.addr(), sts.ca_pem()).build()?;
/// # let _ = verifier;
/// # Ok(())
/// # }
/// ```
///
/// It never logs a URL, a token or a signature.
pub struct LocalSts {
    addr: SocketAddr,
    ca_pem: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl LocalSts {
    /// Sets a server up; nothing listens before [`LocalStsBuilder::start`].
    pub fn builder() -> LocalStsBuilder {
        LocalStsBuilder {
            principals: Vec::new(),
            hosts: Hosts::default(),
            certificate: Certificate::default(),
            clock: Box::new(real_time),
            echo: false,
        }
    }

    /// Where it listens: a free port of 127.0.0.1.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of its CA, which is made anew for each server.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Plays `fault` for each request from now on; what was left of a script is forgotten.
    pub fn play(&self, fault: Fault) {
        self.shared.script.stand(Some(fault));
    }

    /// Plays `fault` once, behind the faults that already wait.
    pub fn play_once(&self, fault: Fault) {
        self.shared.script.extend([fault]);
    }

    /// Plays each of `faults` once, in order, behind those that already wait.
    pub fn play_script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.script.extend(faults);
    }

    /// Forgets all faults: from now on every answer is right.
    pub fn behave(&self) {
        self.shared.script.stand(None);
    }

    /// The HTTP requests whose head came in whole, since the start.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The connections accepted, since the start.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The connections whose TLS handshake resumed an earlier one's session, since the start.
    #[must_use]
    pub fn resumed(&self) -> usize {
        self.shared.resumed.load(Ordering::Relaxed)
    }

    /// The connections that neither side has closed yet.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }
}

impl Drop for LocalSts {
    fn drop(&mut self) {
        // The task owns the connections' tasks, so they end with it.
        self.server.abort();
    }
}

impl fmt::Debug for LocalSts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSts").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// How a local STS is to be. Made by [`LocalSts::builder`].
#[must_use = "nothing listens before `start`"]
pub struct LocalStsBuilder {
    principals: Vec<Principal>,
    hosts: Hosts,
    certificate: Certificate,
    clock: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
    echo: bool,
}

impl LocalStsBuilder {
    /// Adds a caller. Without one, every key is unknown.
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principals.push(principal);
        self
    }

    /// Another clock than the real one. TLS does not go by it.
    ///
    /// ```
    /// # use sts_agent_name::testing::LocalSts;
    /// let builder = LocalSts::builder().clock(|| time::OffsetDateTime::UNIX_EPOCH);
    /// ```
    pub fn clock(mut self, clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// What is shown in the TLS handshake.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Adds a host in `region`, such as that of a VPC endpoint. It may be an IP address, and has no port.
    ///
    /// Known without it: every host of the form that STS has in the eight partitions, and `localhost` and
    /// 127.0.0.1 in us-east-1.
    pub fn host(mut self, name: impl Into<String>, region: impl Into<String>) -> Self {
        self.hosts.add(name.into(), region.into());
        self
    }

    /// Makes the 403 for a wrong signature quote the canonical request, session token included, as STS itself can
    /// do: with it a client can prove that it does not pass the quote on.
    pub fn echo_canonical_request(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Starts the server on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a principal that STS cannot hold and for a host that is no host name;
    /// otherwise what binding a port of loopback gives.
    pub async fn start(self) -> io::Result<LocalSts> {
        for principal in &self.principals {
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
            principal.check_possible().map_err(invalid)?;
        }
        let authority = Authority::new(self.certificate, self.hosts.clone())?;
        let ca_pem = authority.ca_pem();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            rules: Rules { principals: self.principals, hosts: self.hosts, echo: self.echo },
            script: Script::default(),
            clock: self.clock,
            acceptor: authority.into_acceptor()?,
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(LocalSts { addr, ca_pem, shared, server })
    }
}

impl fmt::Debug for LocalStsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStsBuilder")
            .field("principals", &self.principals)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    // Without it, small writes such as a byte a second wait for the acknowledgement of the last.
                    let _ = tcp.set_nodelay(true);
                    connections.spawn(serve(tcp, Open::new(&shared)));
                }
                // Out of file descriptors: some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the default clock of a server that stands for a remote one")]
fn real_time() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
