//! A connection that ends: by its deadline, or by its bound on what comes in.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// As much of what the peer sent first is kept for those who have to name it.
const SAID_BYTES: usize = 1 << 10;
/// Longer lines are no lines of any protocol that begins in the clear.
const LINE_BYTES: usize = 4 << 10;
const CHUNK_BYTES: usize = 16 << 10;

/// Why nothing more comes over a wire.
#[derive(Debug)]
pub enum Fault {
    /// The deadline has passed.
    Timeout,
    /// The peer closed the connection in order.
    Closed,
    /// The peer broke the connection off.
    Reset,
    /// The peer sent more than this bound, in bytes.
    TooMuch(usize),
    /// Another error of the system.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::Reset,
            _ => Self::Io(error),
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Timeout => ErrorKind::TimedOut.into(),
            Fault::Closed => ErrorKind::UnexpectedEof.into(),
            Fault::Reset => ErrorKind::ConnectionReset.into(),
            Fault::TooMuch(limit) => Self::other(format!("it sent more than {limit} bytes")),
            Fault::Io(error) => error,
        }
    }
}

/// What a wire is made of.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A connection to a Unix socket.
    Unix(UnixStream),
}

/// A connection with a deadline and a bound.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    deadline: Instant,
    /// What was received and not yet taken.
    inbox: Vec<u8>,
    /// The first bytes of the current part of the conversation.
    said: Vec<u8>,
    received: usize,
    limit: usize,
}

impl Wire {
    /// Over this stream, until this moment.
    #[must_use]
    pub(crate) fn new(stream: Stream, deadline: Instant) -> Self {
        Self {
            stream,
            deadline,
            inbox: Vec::new(),
            said: Vec::new(),
            received: 0,
            limit: 0,
        }
    }

    /// The TCP connection itself, for who speaks over it in another way; `None`: it is another one.
    #[must_use]
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self.stream {
            Stream::Tcp(stream) => Some(stream),
            Stream::Unix(_) => None,
        }
    }

    /// Begins a part of the conversation in which the peer may send at most this many bytes.
    pub(crate) fn begin(&mut self, limit: usize) {
        self.limit = limit;
        // What is left was sent too early and belongs to this part.
        self.received = self.inbox.len();
        self.said.clear();
        let kept = self.inbox.len().min(SAID_BYTES);
        self.said
            .extend_from_slice(self.inbox.get(..kept).unwrap_or_default());
    }

    /// Ends it earlier: so long from now.
    pub(crate) fn at_most(&mut self, duration: Duration) {
        self.deadline = self.deadline.min(Instant::now() + duration);
    }

    /// The first bytes that the peer sent in the current part of the conversation.
    #[must_use]
    pub(crate) fn said(&self) -> &[u8] {
        &self.said
    }

    /// How many bytes the peer sent in it.
    #[must_use]
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Sends all of these bytes.
    ///
    /// # Errors
    /// [`Fault`], where they could not be sent in time.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let left = self.left()?;
            let sent = match &mut self.stream {
                Stream::Tcp(stream) => {
                    stream.set_write_timeout(Some(left))?;
                    stream.write(bytes)
                }
                Stream::Unix(stream) => {
                    stream.set_write_timeout(Some(left))?;
                    stream.write(bytes)
                }
            };
            match sent {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What has come and was not yet taken, or else what comes next.
    ///
    /// # Errors
    /// [`Fault`], where nothing comes any more.
    pub(crate) fn receive(&mut self) -> Result<Vec<u8>, Fault> {
        if self.inbox.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.inbox))
    }

    /// The same, at most this many bytes; the rest stays unread.
    ///
    /// # Errors
    /// [`Fault`], where nothing comes any more.
    pub(crate) fn receive_up_to(&mut self, limit: usize) -> Result<Vec<u8>, Fault> {
        if self.inbox.is_empty() {
            self.fill()?;
        }
        let rest = self.inbox.split_off(limit.min(self.inbox.len()));
        Ok(std::mem::replace(&mut self.inbox, rest))
    }

    /// Exactly this many bytes; few, as it waits for all of them.
    ///
    /// # Errors
    /// [`Fault`], where they do not come.
    pub(crate) fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
        while self.inbox.len() < count {
            self.fill()?;
        }
        let rest = self.inbox.split_off(count);
        Ok(std::mem::replace(&mut self.inbox, rest))
    }

    /// A line without its end.
    ///
    /// # Errors
    /// [`Fault`], where no line of a usual length comes.
    pub(crate) fn line(&mut self) -> Result<Vec<u8>, Fault> {
        let mut searched = 0;
        loop {
            let fresh = self.inbox.get(searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let mut line = self.exactly(searched + end + 1)?;
                while matches!(line.last(), Some(b'\n' | b'\r')) {
                    line.pop();
                }
                return Ok(line);
            }
            searched = self.inbox.len();
            if searched > LINE_BYTES {
                return Err(Fault::TooMuch(LINE_BYTES));
            }
            self.fill()?;
        }
    }

    /// Everything up to the first of these words, which is its end.
    ///
    /// # Errors
    /// [`Fault`], where none of them comes.
    pub(crate) fn through(&mut self, words: &[&[u8]]) -> Result<Vec<u8>, Fault> {
        let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
        let mut searched = 0_usize;
        loop {
            let fresh = self.inbox.get(searched..).unwrap_or_default();
            let end = |word: &&[u8]| {
                let found = fresh
                    .windows(word.len().max(1))
                    .position(|part| part == *word);
                found.map(|at| at + word.len())
            };
            if let Some(end) = words.iter().filter_map(end).min() {
                return self.exactly(searched + end);
            }
            // A word may have begun at the end of what is there.
            searched = self.inbox.len().saturating_sub(longest);
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), Fault> {
        if self.received >= self.limit {
            return Err(Fault::TooMuch(self.limit));
        }
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            let left = self.left()?;
            let read = match &mut self.stream {
                Stream::Tcp(stream) => {
                    stream.set_read_timeout(Some(left))?;
                    stream.read(&mut chunk)
                }
                Stream::Unix(stream) => {
                    stream.set_read_timeout(Some(left))?;
                    stream.read(&mut chunk)
                }
            };
            match read {
                Ok(0) => return Err(Fault::Closed),
                Ok(read) => {
                    let fresh = chunk.get(..read).unwrap_or_default();
                    let room = SAID_BYTES.saturating_sub(self.said.len()).min(read);
                    self.said
                        .extend_from_slice(fresh.get(..room).unwrap_or_default());
                    self.inbox.extend_from_slice(fresh);
                    self.received += read;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is left of the time; a time-out of nothing would be one without end.
    fn left(&self) -> Result<Duration, Fault> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::Timeout);
        }
        Ok(left)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.receive_up_to(buffer.len()) {
            Ok(bytes) => bytes.as_slice().read(buffer),
            Err(Fault::Closed) => Ok(0),
            Err(fault) => Err(fault.into()),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Wire, UnixStream) {
        let (own, other) = UnixStream::pair().unwrap();
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut wire = Wire::new(Stream::Unix(own), deadline);
        wire.begin(64 << 10);
        (wire, other)
    }

    #[test]
    fn lines_and_bytes_come_as_they_were_sent() {
        let (mut wire, mut peer) = pair();
        peer.write_all(b"220 a\r\n250\nSrest").unwrap();
        assert_eq!(wire.line().unwrap(), b"220 a");
        assert_eq!(wire.line().unwrap(), b"250");
        assert_eq!(wire.exactly(1).unwrap(), b"S");
        assert_eq!(wire.said(), b"220 a\r\n250\nSrest");
        wire.begin(100);
        assert_eq!((wire.said(), wire.received()), (&b"rest"[..], 4));
        assert_eq!(wire.receive().unwrap(), b"rest");
        drop(peer);
        assert!(matches!(wire.receive(), Err(Fault::Closed)));
    }

    #[test]
    fn words_are_found_wherever_they_are_cut() {
        let (mut wire, mut peer) = pair();
        peer.write_all(b"<a><proc").unwrap();
        assert_eq!(wire.through(&[b"</b>", b">"]).unwrap(), b"<a>");
        peer.write_all(b"eed/>rest").unwrap();
        assert_eq!(wire.through(&[b"<proceed"]).unwrap(), b"<proceed");
        assert_eq!(wire.through(&[b">"]).unwrap(), b"/>");
        assert_eq!(wire.receive().unwrap(), b"rest");
    }

    #[test]
    fn an_endless_line_and_an_endless_part_end() {
        let (mut wire, mut peer) = pair();
        peer.write_all(&[b'x'; 9000]).unwrap();
        assert!(matches!(wire.line(), Err(Fault::TooMuch(4096))));
        wire.begin(10_000);
        peer.write_all(&[b'x'; 9000]).unwrap();
        let end = loop {
            match wire.receive() {
                Ok(_) => {}
                Err(fault) => break fault,
            }
        };
        assert!(matches!(end, Fault::TooMuch(10_000)), "{end:?}");
        assert_eq!(wire.said().len(), SAID_BYTES);
    }

    #[test]
    fn a_silent_peer_ends_at_the_deadline() {
        let (mut wire, _peer) = pair();
        assert!(matches!(wire.receive(), Err(Fault::Timeout)));
        assert!(matches!(wire.line(), Err(Fault::Timeout)));
    }

    #[test]
    fn a_peer_that_takes_nothing_ends_at_the_deadline() {
        let (mut wire, _peer) = pair();
        assert!(matches!(wire.send(&vec![0; 8 << 20]), Err(Fault::Timeout)));
    }
}
