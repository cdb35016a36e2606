//! Listening, and keeping a port while nobody listens on it.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

/// A port that stays ours while nobody listens on it, in a restart or while connects are refused.
///
/// Bound but not listening: the kernel gives the port to nobody who asks for any, connects to it are
/// refused, and with SO_REUSEADDR a listener can still be bound to it.
pub(crate) struct Reserved {
    address: SocketAddr,
    _socket: Option<TcpSocket>,
}

impl Reserved {
    /// Reserves `port`, or any free one when it is 0 or taken.
    pub(crate) fn port_or_any(host: IpAddr, port: u16) -> Result<Self, String> {
        Self::bind((host, port).into())
            .or_else(|_| Self::bind((host, 0).into()))
            .map_err(|error| format!("no free port on {host}: {error}"))
    }

    fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = bind(address)?;
        let address = socket.local_addr()?;
        // Other systems do not let a listener share the port, so there it is only known to be free now.
        let socket = cfg!(target_os = "linux").then_some(socket);
        Ok(Self { address, _socket: socket })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens, or says in a sentence why not.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    bind(address).and_then(|socket| socket.listen(1024)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {} on {} is in use; choose another with --port.", address.port(), address.ip())
        }
        _ => format!("cannot listen on {address}: {error}."),
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of before in TIME_WAIT must not keep a restart from its port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// The address as a browser can use it: by the name that it already knows us by, if given.
pub(crate) fn url(address: SocketAddr, host: Option<&str>) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    match host {
        Some(host) if address.ip().is_unspecified() => format!("http://{host}:{}", address.port()),
        _ => format!("http://{}", SocketAddr::new(ip, address.port())),
    }
}

/// Resolves when stdin is closed. On a thread of its own: tokio's stdin would keep the runtime alive.
pub(crate) async fn stdin_closed() {
    let (closed, wait) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut ignored = [0; 256];
        while matches!(stdin.read(&mut ignored), Ok(1..)) {}
        drop(closed);
    });
    let _ = wait.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_what_the_browser_can_reach() {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 80));
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 80));
        assert_eq!(url(loopback, Some("demo.test")), "http://127.0.0.1:80");
        assert_eq!(url(anywhere, Some("10.0.0.7")), "http://10.0.0.7:80");
        assert_eq!(url(anywhere, None), "http://127.0.0.1:80");
        assert_eq!(url((Ipv6Addr::LOCALHOST, 80).into(), None), "http://[::1]:80");
    }
}
