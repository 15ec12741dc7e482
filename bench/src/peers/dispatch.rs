//! Makes a row's generic body into one function that takes the peer's [`Id`](super::Id).

/// Starts the peer and runs the body on it.
macro_rules! on {
    ($peer:ident, $session:ident, $($body:ident)::+) => {{
        <$crate::peers::$peer as $crate::peers::Messages>::start($session.threads());
        $($body)::+::<$crate::peers::$peer>($session)
    }};
}

/// The body of a row for every [`Peer`](super::Peer).
macro_rules! general {
    ($($body:ident)::+) => {
        |id: $crate::peers::Id, session: &mut $crate::session::Session| {
            use $crate::peers::Id;
            match id {
                Id::Rejoin => on!(Rejoin, session, $($body)::+),
                Id::RejoinInstance => on!(RejoinInstance, session, $($body)::+),
                Id::LadderV1 => on!(LadderV1, session, $($body)::+),
                Id::LadderV2 => on!(LadderV2, session, $($body)::+),
                Id::LadderV3 => on!(LadderV3, session, $($body)::+),
                Id::LadderV4 => on!(LadderV4, session, $($body)::+),
                Id::LadderV5 => on!(LadderV5, session, $($body)::+),
                Id::Tokio => on!(Tokio, session, $($body)::+),
                Id::TokioCurrent => on!(TokioCurrent, session, $($body)::+),
                Id::AsyncExecutor => on!(AsyncExecutor, session, $($body)::+),
                Id::AsyncExecutorStatic => on!(AsyncExecutorStatic, session, $($body)::+),
                Id::Smol => on!(Smol, session, $($body)::+),
                Id::AsyncStd => on!(AsyncStd, session, $($body)::+),
                Id::FuturesPool => on!(FuturesPool, session, $($body)::+),
                Id::Smolscale => on!(Smolscale, session, $($body)::+),
                Id::Nio => on!(Nio, session, $($body)::+),
                Id::Floor => on!(Floor, session, $($body)::+),
                Id::Nexosim | Id::FuturesUnordered | Id::FuturesConcurrency => {
                    unreachable!("the row needs a general executor")
                }
            }
        }
    };
}

/// The body of a row for all that pass messages: every peer, and nexosim.
macro_rules! messages {
    ($($body:ident)::+) => {
        |id: $crate::peers::Id, session: &mut $crate::session::Session| match id {
            $crate::peers::Id::Nexosim => on!(Nexosim, session, $($body)::+),
            id => general!($($body)::+)(id, session),
        }
    };
}

/// The body of a row for every [`Owned`](super::Owned) peer; it starts its own instances.
macro_rules! owned {
    ($($body:ident)::+) => {
        |id: $crate::peers::Id, session: &mut $crate::session::Session| {
            use $crate::peers::{self, Id};
            match id {
                Id::Rejoin => $($body)::+::<peers::Rejoin>(session),
                Id::RejoinInstance => $($body)::+::<peers::RejoinInstance>(session),
                Id::Tokio => $($body)::+::<peers::Tokio>(session),
                Id::TokioCurrent => $($body)::+::<peers::TokioCurrent>(session),
                Id::AsyncExecutor => $($body)::+::<peers::AsyncExecutor>(session),
                Id::FuturesPool => $($body)::+::<peers::FuturesPool>(session),
                _ => unreachable!("the row needs instances"),
            }
        }
    };
}

/// The body of a row for everybody who has [`Groups`](super::Groups).
macro_rules! groups {
    ($($body:ident)::+) => {
        |id: $crate::peers::Id, session: &mut $crate::session::Session| {
            use $crate::peers::{self, Groups, Id};
            fn start<P: Groups>(session: &mut $crate::session::Session) {
                P::start(session.threads());
                $($body)::+::<P>(session);
            }
            match id {
                Id::Rejoin => start::<peers::Rejoin>(session),
                Id::Tokio => start::<peers::Tokio>(session),
                Id::FuturesUnordered => start::<peers::Unordered>(session),
                Id::FuturesConcurrency => start::<peers::Concurrency>(session),
                _ => unreachable!("the row needs groups"),
            }
        }
    };
}
