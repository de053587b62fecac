//! A faithful local STS, for tests of whatever verifies pre-signed `GetCallerIdentity` URLs.
//!
//! [`LocalSts`] speaks TLS on loopback with a CA of its own, knows the [`Principal`]s it is told, and answers as
//! STS does: the recorded bytes of success, the recorded errors, the same checks, with the signature proved by
//! [`sigv4`], which shares no code with any signer. Told to play a [`Fault`], it misbehaves byte for byte as asked.
//! Code under test needs two things only: the address to connect to and the CA to trust.
//!
//! ```
//! use sts_agent_name::testing::{Fault, LocalSts, Principal};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
//! let agent = Principal::assumed_role(
//!     "ASIAIOSFODNN7EXAMPLE",
//!     secret,
//!     "AQoDYXdzEPT//////////wEXAMPLE",
//!     "123456789012",
//!     "ci-agent",
//!     "i-0123456789abcdef0",
//! );
//! let sts = LocalSts::builder().principal(agent).start().await?;
//! sts.play_script([Fault::Status(503), Fault::Status(503)]);
//! // Connect to `sts.addr()` with the name of any STS host, trusting `sts.ca_pem()`: 503, 503, success.
//! assert!(sts.addr().ip().is_loopback());
//! assert!(sts.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! It knows one action. It does not keep STS's table of regions: any well-shaped region of a known suffix exists.
//! It does not throttle, and does not disable regions, unless told to play it. Tokens are compared, not decoded.

mod certificate;
mod connection;
mod decision;
mod denial;
mod fault;
mod head;
mod host;
mod local_sts;
mod play;
mod principal;
mod reply;
mod script;
pub mod sigv4;

pub use certificate::Certificate;
pub use fault::Fault;
pub use local_sts::{LocalSts, LocalStsBuilder};
pub use principal::Principal;
