//! What the command line says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

pub(crate) const USAGE: &str = "usage: serve [--address ADDRESS:PORT | --port PORT] [--patience SECONDS] \
[--header-timeout SECONDS] [DIRECTORY]";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) address: SocketAddr,
    pub(crate) directory: PathBuf,
    /// How long connections may take to end.
    pub(crate) patience: Duration,
    /// How long a client may take to say what it wants.
    pub(crate) header_timeout: Duration,
}

impl Arguments {
    /// `None` if only help is wanted.
    pub(crate) fn parse() -> Result<Option<Self>, lexopt::Error> {
        let mut arguments = Self {
            address: (Ipv4Addr::LOCALHOST, 8080).into(),
            directory: ".".into(),
            patience: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Short('p') | Long("port") => arguments.address.set_port(parser.value()?.parse()?),
                Long("address") => arguments.address = parser.value()?.parse()?,
                Long("patience") => arguments.patience = seconds(&mut parser)?,
                Long("header-timeout") => arguments.header_timeout = seconds(&mut parser)?,
                Value(directory) => arguments.directory = directory.into(),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(arguments))
    }
}

fn seconds(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    parser
        .value()?
        .parse_with(|text| Duration::try_from_secs_f64(text.parse().unwrap_or(-1.0)))
}
