//! What keeps a store from answering.

use thiserror::Error;

/// The store could not do what was asked. Never carries SQL, parameters, or a URL.
///
/// **An error of a claim says nothing about the claim**: it may stand. Ask again with the same claim id; if the
/// first attempt was granted, so is the second.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// More operations are waiting than the store carries, or a lock was not had in time.
    #[error("the store is busy")]
    Busy,
    /// A row cannot be read as what it should be: something else writes to the database.
    #[error("the store holds a row that is not well formed")]
    Corrupt,
    /// No connection to the database, or it broke.
    #[error("no connection to the store")]
    Disconnected,
    /// The database failed with a code of no other variant.
    #[error("the store failed with code {code}")]
    Failed {
        /// The database's own code: a SQLSTATE, or SQLite's extended result code.
        code: Box<str>,
    },
    /// A bounded store holds as many rows as it may. Room comes when leases, holds and spent signatures end.
    #[error("the store is full")]
    Full,
    /// The deadline of the operation passed.
    #[error("the store did not answer in time")]
    Timeout,
}

impl StoreError {
    /// Whether the same operation can succeed a little later without anybody's help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Disconnected | Self::Full | Self::Timeout => true,
            Self::Corrupt | Self::Failed { .. } => false,
        }
    }
}
