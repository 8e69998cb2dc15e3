//! The body of an answer: bytes that are there, or a stream that a worker writes while the client
//! reads it.
//!
//! A worker is a thread of its own that may block. It writes into a channel of a few chunks and
//! waits where the client does not read, so that a stream holds at most `STREAM_BYTES`. When the
//! client is gone, or too slow for `--write-timeout`, the body is dropped: the worker's next write
//! fails with `BrokenPipe`, it ends, and its slot is free again.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A chunk of a stream.
const CHUNK: usize = 64 << 10;
/// Chunks that wait to be sent.
const CHUNKS: usize = 4;
/// The most that a stream holds: the waiting chunks, the one being filled, and the one being sent.
#[cfg(test)]
const STREAM_BYTES: usize = (CHUNKS + 2) * CHUNK;
/// Streams at once.
const STREAMS: usize = 8;

/// The body of an answer.
pub(super) enum Body {
    /// Bytes that are there; `None` once they are sent.
    Whole(Option<Bytes>),
    /// What a worker writes.
    Stream(Stream),
    /// The length of what a GET would bring: for HEAD.
    Announced(u64),
}

/// The chunks of a worker.
pub(super) struct Stream {
    chunks: Receiver<io::Result<Bytes>>,
    /// Bytes that are still to come: an end before is an error.
    left: u64,
}

/// The slots for streams.
#[derive(Clone)]
pub(super) struct Streams(Arc<Semaphore>);

impl Streams {
    pub(super) fn new() -> Self {
        Self::of(STREAMS)
    }

    /// So many at once.
    pub(super) fn of(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// A slot, once there is one.
    pub(super) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

impl Body {
    /// Nothing but the length.
    pub(super) fn announced(length: u64) -> Self {
        Self::Announced(length)
    }

    /// A stream of this length, which a worker writes.
    ///
    /// The worker is a thread and no reader process: to wake the server it writes to a descriptor
    /// that readers close. Work on a target's files hands its pieces to the worker through a
    /// `std::sync::mpsc::sync_channel`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn stream(
        length: u64,
        slot: OwnedSemaphorePermit,
        work: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, chunks) = channel(CHUNKS);
        let thread = thread::Builder::new().name("stream".to_owned());
        thread.spawn(move || {
            let mut writer = ChunkWriter {
                chunk: BytesMut::with_capacity(CHUNK),
                sender,
            };
            let done = work(&mut writer).and_then(|()| writer.flush());
            if let Err(error) = done {
                // Fails where the client is gone, which ends the stream as well.
                let _ = writer.sender.blocking_send(Err(error));
            }
            drop(slot);
        })?;
        let left = length;
        Ok(Self::Stream(Stream { chunks, left }))
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream) => stream.poll_chunk(context),
            Self::Announced(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream(stream) => stream.left == 0,
            Self::Announced(length) => *length == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Stream(stream) => stream.left,
            Self::Announced(length) => *length,
        })
    }
}

impl Stream {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.chunks.poll_recv(context).map(|chunk| {
            let chunk = match chunk {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Some(Err(error)),
                None if self.left == 0 => return None,
                // The worker wrote less than it had announced, or panicked.
                None => return Some(Err(io::ErrorKind::UnexpectedEof.into())),
            };
            let Some(left) = self.left.checked_sub(chunk.len() as u64) else {
                return Some(Err(io::ErrorKind::FileTooLarge.into()));
            };
            self.left = left;
            Some(Ok(Frame::data(chunk)))
        })
    }
}

/// Gathers chunks and waits until there is room for them.
struct ChunkWriter {
    chunk: BytesMut,
    sender: Sender<io::Result<Bytes>>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK.saturating_sub(self.chunk.len());
        let (taken, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let next = BytesMut::with_capacity(CHUNK);
        let chunk = std::mem::replace(&mut self.chunk, next).freeze();
        let sent = self.sender.blocking_send(Ok(chunk));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicU64, Ordering};

    use hyper::body::Body as _;

    use super::*;

    /// Runs a future to its end, as the server's one thread does.
    fn on_the_server<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    async fn next(body: &mut Body) -> Option<io::Result<Bytes>> {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    async fn slot(streams: &Streams) -> OwnedSemaphorePermit {
        streams.slot().await.unwrap()
    }

    /// Writes zeros in pieces of a size that fits no chunk; counts those that were taken.
    fn zeros(
        length: u64,
        written: Arc<AtomicU64>,
    ) -> impl FnOnce(&mut dyn Write) -> io::Result<()> + Send {
        move |out| {
            let piece = [0; 10_007];
            let mut left = length;
            while left > 0 {
                let size = left.min(piece.len() as u64);
                out.write_all(&piece[..usize::try_from(size).unwrap()])?;
                written.fetch_add(size, Ordering::SeqCst);
                left -= size;
            }
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_holds_the_worker_back() {
        const LENGTH: u64 = 32 << 20;
        on_the_server(async {
            let written = Arc::new(AtomicU64::new(0));
            let slot = slot(&Streams::new()).await;
            let work = zeros(LENGTH, Arc::clone(&written));
            let mut body = Body::stream(LENGTH, slot, work).unwrap();
            assert_eq!(body.size_hint().exact(), Some(LENGTH));
            let mut read = 0;
            while let Some(chunk) = next(&mut body).await {
                let chunk = chunk.unwrap();
                assert!(chunk.len() <= CHUNK, "{}", chunk.len());
                // Time to run ahead, if anything lets it.
                thread::yield_now();
                let ahead = written.load(Ordering::SeqCst) - read;
                assert!(ahead <= STREAM_BYTES as u64, "{ahead}");
                read += chunk.len() as u64;
            }
            assert_eq!(read, LENGTH);
            assert!(body.is_end_stream());
        });
    }

    #[test]
    fn a_reader_that_leaves_ends_the_worker_and_frees_its_slot() {
        on_the_server(async {
            let streams = Streams::new();
            let (tell, told) = std::sync::mpsc::channel();
            for _ in 0..3 * STREAMS {
                let tell = tell.clone();
                // Waits for a worker to end where none of the slots is free.
                let slot = slot(&streams).await;
                let endless = move |out: &mut dyn Write| {
                    let ended = loop {
                        if let Err(error) = out.write_all(&[0; 4096]) {
                            break error;
                        }
                    };
                    let _ = tell.send(ended.kind());
                    Err(ended)
                };
                let mut body = Body::stream(u64::MAX, slot, endless).unwrap();
                next(&mut body).await.unwrap().unwrap();
            }
            drop(tell);
            let ended: Vec<io::ErrorKind> = told.iter().collect();
            assert_eq!(ended, [io::ErrorKind::BrokenPipe; 3 * STREAMS]);
            let whole = u32::try_from(STREAMS).unwrap();
            drop(streams.0.acquire_many(whole).await.unwrap());
        });
    }

    #[test]
    fn what_a_worker_does_not_finish_is_an_error() {
        type Work = fn(&mut dyn Write) -> io::Result<()>;
        let cases: [(Work, io::ErrorKind); 4] = [
            (|out| out.write_all(b"abc"), io::ErrorKind::UnexpectedEof),
            (
                |_| Err(io::ErrorKind::PermissionDenied.into()),
                io::ErrorKind::PermissionDenied,
            ),
            (
                |_| panic!("a panic on purpose"),
                io::ErrorKind::UnexpectedEof,
            ),
            (|out| out.write_all(&[0; 11]), io::ErrorKind::FileTooLarge),
        ];
        on_the_server(async {
            let streams = Streams::new();
            for (work, kind) in cases {
                let mut body = Body::stream(10, slot(&streams).await, work).unwrap();
                let error = loop {
                    match next(&mut body).await.unwrap() {
                        Ok(_) => {}
                        Err(error) => break error,
                    }
                };
                assert_eq!(error.kind(), kind);
            }
            let whole = u32::try_from(STREAMS).unwrap();
            drop(streams.0.acquire_many(whole).await.unwrap());
        });
    }
}
