//! The tables, and how a connection to them is opened.

use core::time::Duration;
use std::path::Path;
use std::thread;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::store_error;
use crate::registry::{ConnectError, StoreError};

/// What the file's header says if it is a registry: `name` in ASCII.
const APPLICATION_ID: u32 = 0x6e61_6d65;

/// The version of the tables that this build reads and writes.
const LATEST: u32 = 1;

/// The version that each step makes, in order. A step that was released is never changed.
const MIGRATIONS: [(u32, &str); 1] = [(
    LATEST,
    "
    CREATE TABLE names (
        scope TEXT NOT NULL,
        name TEXT NOT NULL,
        agent_type TEXT NOT NULL,
        owner TEXT NOT NULL,
        -- SHA-256 of the registration key, if there was one.
        key_hash BLOB,
        -- SHA-256 of the claim id.
        claim_hash BLOB NOT NULL,
        renewed INTEGER NOT NULL,
        released INTEGER NOT NULL,
        -- Both in microseconds since 1970-01-01T00:00:00Z.
        lease_until INTEGER NOT NULL,
        free_at INTEGER NOT NULL,
        PRIMARY KEY (scope, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX names_by_free_at ON names (free_at);
    CREATE TABLE spent (
        -- SHA-256 of the signature.
        signature BLOB NOT NULL PRIMARY KEY,
        claim_hash BLOB NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX spent_by_expires_at ON spent (expires_at);
",
)];

const LOCK_WAIT: Duration = Duration::from_millis(1);
const LOCK_TRIES: i32 = 5000;

/// Opens the one connection that writes, makes the file and its tables if need be.
pub(super) fn open_writer(path: &Path) -> Result<Connection, ConnectError> {
    let connection = open(path).map_err(|error| connect_error(&error))?;
    // A file of somebody else is left as it is.
    version(&connection)?;
    write_ahead(&connection)?;
    migrate(connection)
}

/// Opens a connection that only reads. The tables are there.
pub(super) fn open_reader(path: &Path) -> Result<Connection, ConnectError> {
    let connection = open(path).map_err(|error| connect_error(&error))?;
    connection.pragma_update(None, "query_only", true).map_err(|error| connect_error(&error))?;
    Ok(connection)
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Without `SQLITE_OPEN_URI`: a path is a path, whatever it looks like.
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(wait_for_lock))?;
    // The commit is synced, not just the checkpoint; the next two make that true on macOS too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Waits in even, short steps. SQLite's own waiting grows to 100 ms a step, in which a busy neighbour takes the lock
/// a hundred times over.
fn wait_for_lock(tries: i32) -> bool {
    if tries >= LOCK_TRIES {
        return false;
    }
    thread::sleep(LOCK_WAIT);
    true
}

/// Switches to the write-ahead log. SQLite calls no busy handler for this step, so two processes that make one file
/// at once would refuse each other.
fn write_ahead(connection: &Connection) -> Result<(), ConnectError> {
    let mut tries = 0;
    loop {
        let mode = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match mode.map(|mode: String| mode == "wal") {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(StoreError::Failed { code: "journal_mode".into() }.into()),
            Err(error) => match connect_error(&error) {
                ConnectError::Store(StoreError::Busy) if wait_for_lock(tries) => tries += 1,
                fault => return Err(fault),
            },
        }
    }
}

/// Brings the tables to the latest version, in one transaction: of several processes one does it, the others wait
/// and find it done.
fn migrate(mut connection: Connection) -> Result<Connection, ConnectError> {
    if version(&connection)? == LATEST {
        return Ok(connection);
    }
    let sqlite = |error: rusqlite::Error| connect_error(&error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    let done = version(&transaction)?;
    for (_, step) in MIGRATIONS.iter().filter(|(makes, _)| *makes > done) {
        transaction.execute_batch(step).map_err(sqlite)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
    transaction.pragma_update(None, "user_version", LATEST).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)?;
    Ok(connection)
}

/// The version of the tables: 0 in an empty file.
fn version(connection: &Connection) -> Result<u32, ConnectError> {
    // One statement, so that a neighbour's migration is seen whole or not at all.
    let header = "SELECT (SELECT application_id FROM pragma_application_id),
                         (SELECT user_version FROM pragma_user_version),
                         (SELECT count(*) FROM sqlite_schema)";
    let read = connection.query_row(header, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (application, version, objects): (u32, u32, u32) = read.map_err(|error| connect_error(&error))?;
    match (application, version, objects) {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, 1..=LATEST, 1..) => Ok(version),
        (APPLICATION_ID, 1.., 1..) => Err(ConnectError::SchemaTooNew { found: version, known: LATEST }),
        _ => Err(ConnectError::Foreign),
    }
}

fn connect_error(error: &rusqlite::Error) -> ConnectError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => ConnectError::Foreign,
        _ => ConnectError::Store(store_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::{LATEST, open_reader, open_writer, version};
    use crate::registry::{ConnectError, StoreError};

    #[test]
    fn each_sweep_and_each_list_reads_an_index() {
        let folder = TempDir::new().unwrap();
        let connection = open_writer(&folder.path().join("names.db")).unwrap();
        for sql in [
            "DELETE FROM names WHERE (scope, name) IN
                (SELECT scope, name FROM names WHERE free_at <= 1 ORDER BY free_at LIMIT 2)",
            "DELETE FROM spent WHERE signature IN
                (SELECT signature FROM spent WHERE expires_at <= 1 ORDER BY expires_at LIMIT 4)",
            "SELECT name FROM names WHERE scope = 'a' AND name > 'b' AND free_at > 3 ORDER BY name LIMIT 4",
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> =
                statement.query_map((), |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
            assert!(!plan.iter().any(|line| line.contains("SCAN") || line.contains("SORT")), "{plan:?}");
        }
    }

    #[test]
    fn commits_are_synced_and_readers_cannot_write() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("names.db");
        let writer = open_writer(&path).unwrap();
        let pragma = |name| writer.pragma_query_value(None, name, |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), "wal");
        let synchronous: u32 = writer.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!(synchronous, 2, "FULL");
        assert!(open_reader(&path).unwrap().execute("DELETE FROM names", ()).is_err());
    }

    #[test]
    fn a_file_is_opened_as_often_as_one_likes_and_at_once() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("names.db");
        let open = || {
            std::thread::spawn({
                let path = path.clone();
                move || open_writer(&path).map(|connection| version(&connection))
            })
        };
        for thread in core::iter::repeat_with(open).take(16).collect::<Vec<_>>() {
            assert_eq!(thread.join().unwrap().unwrap(), Ok(LATEST));
        }
    }

    #[test]
    fn the_file_of_somebody_else_is_left_as_it_is() {
        let folder = TempDir::new().unwrap();
        let text = folder.path().join("notes.txt");
        fs::write(&text, "these are notes, and there are enough of them to fill a header\n".repeat(64))
            .unwrap();
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE names (n)").unwrap();
        let marked = folder.path().join("marked.db");
        Connection::open(&marked).unwrap().execute_batch("PRAGMA application_id = 7").unwrap();
        let versioned = folder.path().join("versioned.db");
        Connection::open(&versioned).unwrap().execute_batch("PRAGMA user_version = 1").unwrap();
        for path in [text, other, marked, versioned] {
            let before = fs::read(&path).unwrap();
            assert_eq!(open_writer(&path).unwrap_err(), ConnectError::Foreign, "{}", path.display());
            assert_eq!(fs::read(&path).unwrap(), before, "{}", path.display());
        }
    }

    #[test]
    fn a_later_schema_is_refused_by_number() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("names.db");
        open_writer(&path).unwrap().pragma_update(None, "user_version", LATEST + 1).unwrap();
        let found = LATEST + 1;
        assert_eq!(open_writer(&path).unwrap_err(), ConnectError::SchemaTooNew { found, known: LATEST });
    }

    #[test]
    fn a_path_is_a_path() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file:names?mode=memory&x=%20");
        open_writer(&path).unwrap();
        assert!(path.exists());
        let nowhere = folder.path().join("missing").join("names.db");
        let error = open_writer(&nowhere).unwrap_err();
        assert!(matches!(error, ConnectError::Store(StoreError::Failed { .. })), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("missing"));
    }
}
