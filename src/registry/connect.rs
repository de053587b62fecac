//! The choice of a store by URL.

use std::sync::Arc;

use thiserror::Error;

use super::error::StoreError;
use super::{MemoryStore, NameStore};

/// Opens the store that `url` names.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `MemoryStore`, empty | `registry` |
/// | `sqlite:///var/lib/agents/names.db`, `sqlite://names.db` | `SqliteStore` in that file | `sqlite` |
/// | `postgres://user@host/database` | `PostgresStore` | `postgres` |
///
/// All that stands behind `sqlite://` is the path, as it is written: nothing is percent-decoded, and a `?` or a `#`
/// is refused, since it would not mean what it means elsewhere.
///
/// # Errors
///
/// None of them holds the URL, which may hold a password.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use sts_agent_name::registry::connect;
///
/// for url in ["", "memory:x", "mysql://host/db", "sqlite://", "sqlite://names.db?mode=ro", "names.db"] {
///     assert!(connect(url).await.is_err());
/// }
/// connect("memory:").await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[allow(clippy::unused_async, reason = "the features decide whether there is something to wait for")]
pub async fn connect(url: &str) -> Result<Arc<dyn NameStore>, ConnectError> {
    let (scheme, rest) = url.split_once(':').ok_or(ConnectError::UnknownScheme)?;
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryStore::new())),
        "memory" => Err(ConnectError::InvalidUrl { rule: "memory: has nothing behind the colon" }),
        "sqlite" => sqlite(rest).await,
        "postgres" | "postgresql" => postgres(url).await,
        _ => Err(ConnectError::UnknownScheme),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(rest: &str) -> Result<Arc<dyn NameStore>, ConnectError> {
    const PATH: &str = "sqlite:// is followed by the path of a file, without ?, # and NUL";
    let path = rest.strip_prefix("//").ok_or(ConnectError::InvalidUrl { rule: PATH })?;
    if path.is_empty() || path.starts_with(':') || path.contains(['?', '#', '\0']) {
        return Err(ConnectError::InvalidUrl { rule: PATH });
    }
    Ok(Arc::new(super::SqliteStore::open(path.as_ref()).await?))
}

#[cfg(not(feature = "sqlite"))]
#[expect(clippy::unused_async, reason = "of one shape with the store it stands for")]
async fn sqlite(_: &str) -> Result<Arc<dyn NameStore>, ConnectError> {
    Err(ConnectError::MissingFeature { feature: "sqlite" })
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn NameStore>, ConnectError> {
    Ok(Arc::new(super::PostgresStore::connect(url).await?))
}

#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "of one shape with the store it stands for")]
async fn postgres(_: &str) -> Result<Arc<dyn NameStore>, ConnectError> {
    Err(ConnectError::MissingFeature { feature: "postgres" })
}

/// Why there is no store. Never carries the URL or a part of it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL's scheme is known, but the rest is not what goes with it.
    #[error("not the URL of a registry: {rule}")]
    InvalidUrl {
        /// The rule that the URL breaks.
        rule: &'static str,
    },
    /// The database holds something else.
    #[error("the database belongs to something else than a registry")]
    Foreign,
    /// The crate was built without the store.
    #[error("this build has no such store: turn on the feature `{feature}`")]
    MissingFeature {
        /// The feature of this crate.
        feature: &'static str,
    },
    /// A later version of this crate wrote the schema.
    #[error("the registry has schema version {found}, this build knows {known}")]
    SchemaTooNew {
        /// The version that the database has.
        found: u32,
        /// The latest version that this build knows.
        known: u32,
    },
    /// The database did not do what opening it takes.
    #[error("the registry could not be opened")]
    Store(#[from] StoreError),
    /// The URL does not start with `memory:`, `sqlite:` or `postgres:`.
    #[error("the URL of a registry starts with memory:, sqlite: or postgres:")]
    UnknownScheme,
}
