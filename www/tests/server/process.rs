use std::path::PathBuf;

use tokio::net::TcpStream;

use crate::support::{Server, command, eventually, signal, soon};

/// The directories of a server's logs that are there.
pub(crate) fn log_dirs(pid: u32) -> Vec<PathBuf> {
    let prefix = format!("everwire-demo-{pid}-");
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let paths = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    paths.map(|entry| entry.path()).collect()
}

async fn app_is_gone(app: &str, pid: u32) {
    eventually(async || TcpStream::connect(app).await.is_err()).await;
    eventually(async || log_dirs(pid).is_empty()).await;
}

#[tokio::test]
async fn sigterm_and_a_closed_stdin_end_it_well() {
    for by_stdin in [false, true] {
        let mut server = Server::start_with(if by_stdin { &["--exit-with-stdin"] } else { &[] }).await;
        let pid = server.child.id().unwrap();
        assert_eq!(log_dirs(pid).len(), 1);
        if by_stdin {
            drop(server.child.stdin.take());
        } else {
            signal("-TERM", pid);
        }
        let status = soon(server.child.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0));
        app_is_gone(&server.app, pid).await;
    }
}

#[tokio::test]
async fn a_closed_stdin_alone_does_not_end_it() {
    let mut server = Server::start().await;
    drop(server.child.stdin.take());
    server.fault("/fault/restart?down=0").await;
    assert!(server.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn the_app_does_not_outlive_a_killed_server() {
    let mut server = Server::start().await;
    let pid = server.child.id().unwrap();
    soon(server.child.kill()).await.unwrap();
    app_is_gone(&server.app, pid).await;
}

#[tokio::test]
async fn a_taken_port_is_said() {
    let server = Server::start().await;
    let port = server.page.rsplit_once(':').unwrap().1;
    let output = soon(command().args(["--port", port]).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.contains(&format!("port {port} on 127.0.0.1 is in use")), "{sentence}");
}

#[tokio::test]
async fn bad_arguments_are_one_sentence_and_2() {
    let output = soon(command().arg("--prot").output()).await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn ready_is_one_line() {
    let server = Server::start().await;
    assert_eq!(server.line, format!("everwire demo: http://{}/\n", server.page));
}
