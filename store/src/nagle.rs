//! Lets long statements go to Postgres at once.
//!
//! sqlx 0.9.0 does not ask for TCP_NODELAY (its issue 4335, mended in its repository and not yet in a release). The last piece of
//! a statement that does not fit one segment then waits until the server has acknowledged the piece before, which it puts off for
//! 40 ms: a batch of 64 purchases took three times as long as it had to. Until sqlx asks by itself, this does, on Linux; elsewhere
//! statements are as slow as sqlx leaves them. A connection through a Unix socket does not need it.

/// Asks for it on every connection of this process to a database at `port`.
#[cfg(target_os = "linux")]
pub(crate) fn send_at_once(port: u16) -> std::io::Result<()> {
    use std::net::SocketAddr;

    use rustix::net::{getpeername, sockopt::set_tcp_nodelay};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let path = entry?.path();
        let is_socket = std::fs::read_link(&path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok()).filter(|_| is_socket);
        // Whatever was closed meanwhile, or is no connection, is left alone.
        let Some(Ok(socket)) = number.map(|number| pidfd_getfd(&own, number, PidfdGetfdFlags::empty())) else { continue };
        let peer = getpeername(&socket).ok().flatten().and_then(|peer| SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peer.port() == port) {
            set_tcp_nodelay(&socket, true)?;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn send_at_once(_port: u16) -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn connections_to_the_port_send_at_once_and_others_are_left_alone() {
        let (one, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let to_one = TcpStream::connect(one.local_addr().unwrap()).unwrap();
        let to_other = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        assert!(!to_one.nodelay().unwrap() && !to_other.nodelay().unwrap());
        super::send_at_once(one.local_addr().unwrap().port()).unwrap();
        assert!(to_one.nodelay().unwrap());
        assert!(!to_other.nodelay().unwrap());
    }
}
