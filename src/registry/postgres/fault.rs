//! What becomes of the driver's errors. Its texts and details are dropped: they may hold parameters.

use std::{error, io};

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_rustls::rustls;

use super::statement::SPENT_ONCE;
use crate::registry::StoreError;

/// The driver's faults that have no SQLSTATE of the server: it could not be reached in the way that was asked for.
const UNABLE_TO_CONNECT: &str = "08001";

/// What the database did instead of answering.
#[derive(Debug)]
pub(super) enum Fault {
    /// The statement would have spent a signature that was spent since its snapshot.
    SpentTwice,
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::SpentTwice => Self::Failed { code: SqlState::UNIQUE_VIOLATION.code().into() },
            Fault::Store(error) => error,
        }
    }
}

pub(super) fn statement_fault(error: &Error) -> Fault {
    let constraint = error.as_db_error().and_then(|error| error.constraint());
    if error.code() == Some(&SqlState::UNIQUE_VIOLATION) && constraint == Some(SPENT_ONCE) {
        Fault::SpentTwice
    } else {
        Fault::Store(store_error(error))
    }
}

pub(super) fn pool_error(error: &PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Busy,
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            store_error(error)
        }
        _ => StoreError::Disconnected,
    }
}

pub(super) fn store_error(error: &Error) -> StoreError {
    match error.code() {
        Some(state) => by_state(state),
        None if is_refused_handshake(error) => StoreError::Failed { code: UNABLE_TO_CONNECT.into() },
        None if error.is_closed() || cause::<io::Error>(error).is_some() => StoreError::Disconnected,
        None => StoreError::Failed { code: UNABLE_TO_CONNECT.into() },
    }
}

/// The classes of [SQLSTATE](https://www.postgresql.org/docs/current/errcodes-appendix.html) that pass by themselves.
fn by_state(state: &SqlState) -> StoreError {
    let code = state.code();
    match code {
        // A statement that was cancelled, mostly by its timeout.
        "57014" => StoreError::Timeout,
        // Locks and conflicts of transactions; then a server that is short of something other than disk space.
        "55P03" | "40001" | "40P01" | "53000" | "53200" | "53300" | "53400" => StoreError::Busy,
        // The server is stopping, starting or gone.
        _ if code.starts_with("57P") || code.starts_with("08") => StoreError::Disconnected,
        // A server that only reads: the next connection may lead to the one that writes. Then prepared statements
        // that the server lost, or whose tables have changed beneath them: the next connection makes them anew.
        "25006" | "26000" | "0A000" => StoreError::Disconnected,
        _ => StoreError::Failed { code: code.into() },
    }
}

/// Whether a connection is of no more use after `error`, whatever it looks like.
pub(super) fn breaks_connection(error: &Error) -> bool {
    match error.code() {
        Some(state) => matches!(by_state(state), StoreError::Disconnected),
        None => true,
    }
}

/// Whether TLS itself failed, a certificate that is not believed above all. No later attempt mends that.
fn is_refused_handshake(error: &Error) -> bool {
    let inner = cause::<io::Error>(error).and_then(io::Error::get_ref);
    inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}

fn cause<T: error::Error + 'static>(error: &Error) -> Option<&T> {
    error::Error::source(error)?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::error::SqlState;

    use super::by_state;
    use crate::registry::StoreError;

    #[test]
    fn what_passes_by_itself_is_transient() {
        for (code, transient) in [
            ("57014", true),
            ("57P01", true),
            ("57P02", true),
            ("57P03", true),
            ("08006", true),
            ("53300", true),
            ("55P03", true),
            ("40P01", true),
            ("25006", true),
            ("26000", true),
            ("53100", false),
            ("28P01", false),
            ("3D000", false),
            ("42501", false),
            ("42P01", false),
            ("23505", false),
            ("XX001", false),
        ] {
            assert_eq!(by_state(&SqlState::from_code(code)).is_transient(), transient, "{code}");
        }
        let full = by_state(&SqlState::from_code("53100"));
        assert_eq!(full, StoreError::Failed { code: "53100".into() });
    }
}
