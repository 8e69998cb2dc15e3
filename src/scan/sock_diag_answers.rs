//! What `sock_diag` answers, read while the threads of the walk read processes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::parse::sock_diag::{Message, messages};
use crate::sys::netlink::NetlinkClient;

/// More is read once the walk is over, one message at a time, and not kept: some 50,000 sockets.
const MOST_KEPT: usize = 8 << 20;

/// Answers about the caller's own network namespace, by request.
#[derive(Debug, Default)]
pub(crate) struct SockDiagAnswers {
    whole: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
}

impl SockDiagAnswers {
    /// Asks for all of these; an answer that is not whole, or too long, is left out.
    pub(super) fn read(requests: &[Vec<u8>]) -> Self {
        let answers = Self::default();
        let mut room = MOST_KEPT;
        for request in requests {
            let Some(answer) = whole(request, room) else {
                break;
            };
            room = room.saturating_sub(answer.len());
            let mut all = answers.whole.borrow_mut();
            all.insert(request.clone(), answer);
        }
        answers
    }

    /// The messages of the answer to this request, which are not kept any longer.
    pub(crate) fn take(&self, request: &[u8]) -> Option<Vec<u8>> {
        self.whole.borrow_mut().remove(request)
    }
}

fn whole(request: &[u8], room: usize) -> Option<Vec<u8>> {
    // Each on a socket of its own: the rest of an answer that was broken off would be taken for
    // the next one's.
    let diag = NetlinkClient::sock_diag().ok()?;
    let (mut answer, mut whole) = (Vec::new(), false);
    let read = diag.dump(request, &mut Vec::new(), |datagram| {
        if answer.len() + datagram.len() > room {
            return ControlFlow::Break(());
        }
        answer.extend_from_slice(datagram);
        // Messages begin at multiples of four.
        answer.resize(answer.len().next_multiple_of(4), 0);
        for message in messages(datagram) {
            match message {
                Ok(Message::Item(_)) => {}
                Ok(Message::Done) => {
                    whole = true;
                    return ControlFlow::Break(());
                }
                Ok(Message::Error(_) | Message::Interrupted) | Err(_) => {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    });
    (read.is_ok() && whole).then_some(answer)
}
