//! The threads that wait for the disk, so that no task of the caller's does.

use core::iter;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{Operation, schema, store_error};
use crate::registry::clock::Clock;
use crate::registry::rule::Micros;
use crate::registry::{ConnectError, StoreError};

/// How many operations wait for a kind of thread; one more is [`StoreError::Busy`] at once.
const QUEUE: usize = 1024;
/// How many operations share a transaction. More gain little, and a neighbour process waits longer.
const BATCH: usize = 64;
const READERS: usize = 2;

/// One thread that writes and some that read. They end when this is dropped and their queues are empty.
#[derive(Debug)]
pub(super) struct Workers {
    writes: SyncSender<Write>,
    reads: SyncSender<Read>,
}

/// An operation that waits for the writer. Given a transaction it runs, and what it found is delivered once it is
/// known whether the transaction stands.
type Write = Box<dyn FnOnce(Result<(&Connection, Micros), StoreError>) -> Deliver + Send>;
type Deliver = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Read = Box<dyn FnOnce(&Connection, Micros) + Send>;

impl Workers {
    pub(super) async fn start(path: &Path, clock: Clock) -> Result<Self, ConnectError> {
        let (writes, write_queue) = sync_channel(QUEUE);
        let (reads, read_queue) = sync_channel(QUEUE);
        let (report, opened) = oneshot::channel();
        let path = path.to_owned();
        let writer_clock = clock.clone();
        spawn("registry-write", move || match open(&path) {
            Ok((writer, readers)) => {
                if report.send(Ok(readers)).is_ok() {
                    write_all(writer, &write_queue, &writer_clock);
                }
            }
            Err(error) => drop(report.send(Err(error))),
        })?;
        let readers = opened.await.map_err(|_| stopped())??;
        let read_queue = Arc::new(Mutex::new(read_queue));
        for reader in readers {
            let (queue, clock) = (Arc::clone(&read_queue), clock.clone());
            spawn("registry-read", move || read_all(&reader, &queue, &clock))?;
        }
        Ok(Self { writes, reads })
    }

    /// Runs `operation` on a snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: impl Operation<T>,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection, now| {
            if !reply.is_closed() {
                drop(reply.send(operation(connection, now)));
            }
        });
        send(&self.reads, read)?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs `operation` in a transaction, and answers when it is on the disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: impl Operation<T>,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let write: Write = Box::new(move |transaction| {
            if reply.is_closed() {
                return Box::new(|_| ());
            }
            let found = transaction.and_then(|(connection, now)| wholly(connection, now, operation));
            Box::new(move |committed| drop(reply.send(committed.and(found))))
        });
        send(&self.writes, write)?;
        answer.await.map_err(|_| stopped())?
    }
}

fn open(path: &Path) -> Result<(Connection, Vec<Connection>), ConnectError> {
    let writer = schema::open_writer(path)?;
    let readers = iter::repeat_with(|| schema::open_reader(path)).take(READERS);
    Ok((writer, readers.collect::<Result<_, _>>()?))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|_| StoreError::Failed { code: "thread".into() })
}

fn send<T>(queue: &SyncSender<T>, job: T) -> Result<(), StoreError> {
    queue.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::Busy,
        TrySendError::Disconnected(_) => stopped(),
    })
}

fn stopped() -> StoreError {
    StoreError::Failed { code: "stopped".into() }
}

fn read_all(connection: &Connection, queue: &Mutex<Receiver<Read>>, clock: &Clock) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        read(connection, clock.now());
    }
}

fn write_all(mut connection: Connection, queue: &Receiver<Write>, clock: &Clock) {
    while let Ok(first) = queue.recv() {
        let batch = iter::once(first).chain(queue.try_iter().take(BATCH - 1));
        write_batch(&mut connection, batch, clock);
    }
}

/// Runs a batch in one transaction. Nothing is delivered before the commit: what was answered is on the disk.
fn write_batch(connection: &mut Connection, batch: impl Iterator<Item = Write>, clock: &Clock) {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = store_error(&error);
            batch.for_each(|write| write(Err(error.clone()))(Ok(())));
            return;
        }
    };
    // Read under the lock: what one process decided is in the past of what the next one decides.
    let now = clock.now();
    let deliveries: Vec<Deliver> = batch.map(|write| write(Ok((&transaction, now)))).collect();
    let committed = transaction.commit().map_err(|error| store_error(&error));
    for deliver in deliveries {
        deliver(committed.clone());
    }
}

/// Runs one operation of a batch wholly or not at all, so that the failure of one is not the others'.
fn wholly<T>(connection: &Connection, now: Micros, operation: impl Operation<T>) -> Result<T, StoreError> {
    // Some failures (a full disk) end the transaction beneath us. What comes later must not run outside of one.
    if connection.is_autocommit() {
        return Err(StoreError::Failed { code: "rolled_back".into() });
    }
    run(connection, "SAVEPOINT operation")?;
    let found = operation(connection, now);
    if found.is_err() && !connection.is_autocommit() {
        run(connection, "ROLLBACK TO operation")?;
    }
    if !connection.is_autocommit() {
        run(connection, "RELEASE operation")?;
    }
    found
}

fn run(connection: &Connection, sql: &'static str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(|error| store_error(&error))?;
    statement.execute(()).map(drop).map_err(|error| store_error(&error))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::Arc;

    use rusqlite::Connection;
    use tempfile::TempDir;
    use tokio::task::JoinSet;

    use super::{Workers, store_error};
    use crate::registry::StoreError;
    use crate::registry::clock::Clock;
    use crate::registry::rule::Micros;

    /// An operation that keeps the writer from the others for a while.
    #[expect(clippy::unnecessary_wraps, reason = "of the shape of an operation")]
    fn slow(_: &Connection, _: Micros) -> Result<(), StoreError> {
        std::thread::sleep(Duration::from_millis(100));
        Ok(())
    }

    const ROW: &str = "INSERT INTO spent (signature, claim_hash, expires_at) VALUES (?1, x'00', 0)";

    fn insert(connection: &Connection, signature: &[u8]) -> Result<(), StoreError> {
        connection.execute(ROW, [signature]).map(drop).map_err(|error| store_error(&error))
    }

    #[tokio::test]
    async fn one_failure_in_a_batch_is_not_the_others() {
        let folder = TempDir::new().unwrap();
        let workers = Workers::start(&folder.path().join("names.db"), Clock::Wall).await.unwrap();
        let half = |connection: &Connection, _| {
            insert(connection, b"half")?;
            insert(connection, b"half")
        };
        // Queued while the first one runs, so that the other three are one batch.
        let (_, one, failed, two) = tokio::join!(
            workers.write(slow),
            workers.write(|connection, _| insert(connection, b"one")),
            workers.write(half),
            workers.write(|connection, _| insert(connection, b"two")),
        );
        assert_eq!((one, two), (Ok(()), Ok(())));
        // SQLITE_CONSTRAINT_PRIMARYKEY, and nothing of the statement or of the value.
        assert_eq!(failed, Err(StoreError::Failed { code: "1555".into() }));
        let signatures = workers.read(|connection, _| {
            let mut statement = connection.prepare("SELECT signature FROM spent ORDER BY 1").unwrap();
            let rows = statement.query_map((), |row| row.get::<_, Vec<u8>>(0)).unwrap();
            Ok(rows.collect::<Result<Vec<_>, _>>().unwrap())
        });
        assert_eq!(signatures.await.unwrap(), [b"one", b"two"]);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let folder = TempDir::new().unwrap();
        let workers = Workers::start(&folder.path().join("names.db"), Clock::Wall).await.unwrap();
        let dropped = async {
            let write = workers.write(|connection, _| insert(connection, b"dropped"));
            drop(tokio::time::timeout(Duration::from_millis(5), write).await);
        };
        let _ = tokio::join!(workers.write(slow), dropped);
        let spent = workers.write(|connection, _| {
            connection
                .query_row("SELECT count(*) FROM spent", (), |row| row.get::<_, u32>(0))
                .map_err(|error| store_error(&error))
        });
        assert_eq!(spent.await, Ok(0));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_at_once() {
        let folder = TempDir::new().unwrap();
        let workers = Workers::start(&folder.path().join("names.db"), Clock::Wall).await.unwrap();
        let workers = Arc::new(workers);
        let mut waiting = JoinSet::new();
        for _ in 0..super::QUEUE + super::BATCH * 2 {
            let workers = Arc::clone(&workers);
            waiting.spawn(async move { workers.write(slow).await });
        }
        // All but the first few find the queue full while the first batch runs.
        let mut outcomes = Vec::new();
        while let Some(outcome) = waiting.join_next().await {
            outcomes.push(outcome.unwrap());
            if outcomes.contains(&Err(StoreError::Busy)) {
                return;
            }
        }
        panic!("{} operations were taken", outcomes.len());
    }
}
