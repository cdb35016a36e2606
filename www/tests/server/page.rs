use crate::support::{Server, get, request};

#[tokio::test]
async fn files_come_from_their_roots_with_their_types() {
    let dir = std::env::temp_dir().join(format!("everwire-page-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("sub")).unwrap();
    for (name, content) in
        [("index.html", "home"), ("a.js", "js"), ("a.wasm", "wasm"), ("sub/index.html", "sub")]
    {
        std::fs::write(dir.join(name), content).unwrap();
    }
    let dir_arg = dir.to_str().unwrap();
    let server =
        Server::start_with(&["--root", &format!("={dir_arg}/sub"), "--root", &format!("files={dir_arg}")])
            .await;

    for (path, body, mime) in [
        ("/", "sub", "text/html; charset=utf-8"),
        ("/files/", "home", "text/html; charset=utf-8"),
        ("/files/a.js?x=1", "js", "text/javascript; charset=utf-8"),
        ("/files/a.wasm", "wasm", "application/wasm"),
        ("/files/sub/", "sub", "text/html; charset=utf-8"),
    ] {
        let answer = get(&server.page, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert!(
            answer.has(&format!("content-type: {mime}")) && answer.has("cache-control: no-cache"),
            "{path}"
        );
    }
    let moved = get(&server.page, "/files/sub?a=b").await;
    assert!(moved.status == 308 && moved.has("location: /files/sub/?a=b"));
    let with_csp = get(&server.page, "/files/?csp=script-src%20'self'").await;
    assert!(with_csp.has("content-security-policy: script-src 'self'"));
    for path in ["/none.js", "/files/../a.js", "/files/%2e%2e/x", "/a.js"] {
        assert_eq!(get(&server.page, path).await.status, 404, "{path}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn control_is_open_to_other_origins() {
    let server = Server::start().await;
    for path in ["/config.json", "/stats", "/proxy/stats"] {
        assert!(get(&server.page, path).await.has("access-control-allow-origin: *"), "{path}");
    }
    let preflight =
        request("OPTIONS", &server.page, "/fault/drop", &[("Origin", "http://a.test")]).await.unwrap();
    assert!(preflight.status == 204 && preflight.has("access-control-allow-origin: *"));
    assert_eq!(get(&server.page, "/fault/drop").await.status, 405, "a link brings no fault about");
}

#[tokio::test]
async fn the_app_reflects_the_origin() {
    let server = Server::start().await;
    let headers = [("Origin", "http://a.test"), ("Access-Control-Request-Headers", "last-event-id")];
    let preflight = request("OPTIONS", &server.wire, "/ticker", &headers).await.unwrap();
    assert_eq!(preflight.status, 204);
    for header in [
        "access-control-allow-origin: http://a.test",
        "access-control-allow-credentials: true",
        "access-control-allow-headers: last-event-id",
    ] {
        assert!(preflight.has(header), "{header}");
    }
}
