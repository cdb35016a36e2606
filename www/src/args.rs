//! The command line. Written by hand: a few options do not need a parser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::guard::Guard;

pub(crate) const USAGE: &str = "\
everwire-demo [--host 127.0.0.1] [--port 8080] [--root NAME=DIR]... [--log-size 1000]
              [--allow-host NAME]... [--exit-with-stdin] [--test-endpoints]

  --host ADDRESS      listen here; anything but loopback shows the fault buttons to the network
  --allow-host NAME   a further name that this machine goes by in a browser; may be repeated
  --port N            the page's port; 0 takes a free one
  --root NAME=DIR     serve DIR under /NAME/ (=DIR: under /); may be repeated
  --log-size N        how many messages each room and ticker remembers
  --exit-with-stdin   exit when stdin is closed
  --test-endpoints    for tests only: answers any page, and with what the address says";

/// Not in the usage: how the server starts its own app process.
pub(crate) const APP_COMMAND: &str = "app-process";

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Demo(DemoOptions),
    App(AppOptions),
}

#[derive(Debug, PartialEq)]
pub(crate) struct DemoOptions {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) roots: Vec<Root>,
    pub(crate) log_size: usize,
    pub(crate) exit_with_stdin: bool,
    /// The names that `--allow-host` adds.
    pub(crate) names: Vec<String>,
    pub(crate) tests: bool,
}

/// A directory of static files, and the name that it is served under ("" is `/`).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
}

#[derive(Debug, PartialEq)]
pub(crate) struct AppOptions {
    pub(crate) address: SocketAddr,
    /// Where the logs are, so that they outlive the process.
    pub(crate) dir: PathBuf,
    pub(crate) log_size: usize,
    /// The first part of every id: logs of another run must not know them.
    pub(crate) epoch: String,
    /// None: the endpoints for tests are there, and anybody may ask.
    pub(crate) guard: Option<Guard>,
}

const TEST_ENDPOINTS: &str = "--test-endpoints";

impl AppOptions {
    pub(crate) fn to_args(&self) -> Vec<std::ffi::OsString> {
        let guard = match &self.guard {
            None => vec![TEST_ENDPOINTS.to_owned()],
            Some(guard) => [guard.page_port.to_string()].into_iter().chain(guard.names.clone()).collect(),
        };
        let args = [
            APP_COMMAND.into(),
            self.address.to_string().into(),
            self.dir.clone().into(),
            self.log_size.to_string().into(),
            self.epoch.clone().into(),
        ];
        args.into_iter().chain(guard.into_iter().map(Into::into)).collect()
    }
}

pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut args = args.peekable();
    if args.next_if(|first| first == APP_COMMAND).is_some() {
        return parse_app(args);
    }
    let mut options = DemoOptions {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 8080,
        roots: Vec::new(),
        // What everwire remembers of ids: a replay of all that there is holds nothing that it forgot.
        log_size: 1000,
        exit_with_stdin: false,
        names: Vec::new(),
        tests: false,
    };
    while let Some(name) = args.next() {
        match name.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            TEST_ENDPOINTS => options.tests = true,
            "--allow-host" => options.names.push(value(&name, &mut args)?),
            "--exit-with-stdin" => options.exit_with_stdin = true,
            "--host" => options.host = host(&value(&name, &mut args)?)?,
            "--port" => options.port = number(&name, &value(&name, &mut args)?)?,
            "--root" => options.roots.push(root(&value(&name, &mut args)?)?),
            "--log-size" => {
                options.log_size = number(&name, &value(&name, &mut args)?)?;
                if options.log_size == 0 {
                    return Err("--log-size must be at least 1.".to_owned());
                }
            }
            _ => return Err(format!("there is no option {name:?}; --help names all that there are.")),
        }
    }
    Ok(Command::Demo(options))
}

fn parse_app(mut args: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut next = || value(APP_COMMAND, &mut args);
    let address = next()?;
    let address: SocketAddr = address.parse().map_err(|_| format!("{address:?} is not an address."))?;
    let (dir, log_size, epoch) = (next()?.into(), number("log size", &next()?)?, next()?);
    let page = next()?;
    let guard = if page == TEST_ENDPOINTS {
        None
    } else {
        let names = args.collect();
        Some(Guard { host: address.ip(), page_port: number("the page's port", &page)?, names })
    };
    Ok(Command::App(AppOptions { address, dir, log_size, epoch, guard }))
}

fn value(name: &str, args: &mut impl Iterator<Item = String>) -> Result<String, String> {
    args.next().ok_or_else(|| format!("{name} needs a value; see --help."))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} needs a number, and {text:?} is none that it can take."))
}

fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| format!("--host needs an IP address or localhost, not {text:?}."))
}

fn root(text: &str) -> Result<Root, String> {
    let (name, dir) = text
        .split_once('=')
        .ok_or_else(|| format!("--root needs NAME=DIR (or =DIR for /), not {text:?}."))?;
    let dir = PathBuf::from(dir);
    if !dir.is_dir() {
        return Err(format!("--root {text}: {} is not a directory.", dir.display()));
    }
    Ok(Root { name: name.trim_matches('/').to_owned(), dir })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn the_app_options_survive_the_way_through_the_arguments() {
        let guard =
            Guard { host: [127, 0, 0, 1].into(), page_port: 3998, names: vec!["a".into(), "b".into()] };
        for guard in [None, Some(guard)] {
            let options = AppOptions {
                address: ([127, 0, 0, 1], 4000).into(),
                dir: "/tmp/logs".into(),
                log_size: 7,
                epoch: "e1".to_owned(),
                guard,
            };
            let args = options.to_args().into_iter().map(|arg| arg.to_string_lossy().into_owned());
            assert_eq!(parse(args), Ok(Command::App(options)));
        }
    }

    #[test]
    fn bad_arguments_are_named() {
        for (args, named) in [
            (&["--prot", "1"][..], "--prot"),
            (&["--port"], "--port"),
            (&["--port", "70000"], "70000"),
            (&["--host", "nowhere"], "nowhere"),
            (&["--root", "www"], "NAME=DIR"),
            (&["--root", "=/no/such/dir"], "/no/such/dir"),
            (&["--log-size", "0"], "--log-size"),
        ] {
            let sentence = parsed(args).err().unwrap_or_default();
            assert!(sentence.contains(named), "{args:?} gave {sentence:?}");
        }
    }
}
