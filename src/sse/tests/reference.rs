//! The standard's algorithm, word by word and slow (HTML, 9.2.6 "Interpreting an event stream").

use super::reader::Out;

pub(crate) fn reference(stream: &[u8]) -> (Vec<Out>, Option<u32>) {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let text: Vec<char> = String::from_utf8_lossy(stream).chars().collect();
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            '\r' | '\n' => {
                lines.push(std::mem::take(&mut line));
                at += usize::from(text[at] == '\r' && text.get(at + 1) == Some(&'\n'));
            }
            other => line.push(other),
        }
        at += 1;
    }
    // `line` holds what is unfinished: discarded.
    let (mut out, mut retry) = (Vec::new(), None);
    let (mut data, mut event, mut id, mut seen_id) = (String::new(), String::new(), String::new(), false);
    let mut sent = String::new();
    // A comment within a block comes with it, so it is discarded with it as well.
    let (mut within, mut comments) = (false, Vec::new());
    for line in lines {
        if line.is_empty() {
            out.append(&mut comments);
            within = false;
            sent.clone_from(&id);
            if !data.is_empty() {
                data.pop();
                out.push(Out::Event { data: data.clone(), event: event.clone(), id: sent.clone() });
            } else if seen_id {
                out.push(Out::Cursor(sent.clone()));
            }
            data.clear();
            event.clear();
            seen_id = false;
        } else if let Some(comment) = line.strip_prefix(':') {
            let comment = Out::Comment(comment.strip_prefix(' ').unwrap_or(comment).to_owned());
            if within { comments.push(comment) } else { out.push(comment) }
        } else {
            within = true;
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => event = value.to_owned(),
                "data" => {
                    data.push_str(value);
                    data.push('\n');
                }
                "id" if !value.contains('\0') => {
                    id = value.to_owned();
                    seen_id = true;
                }
                "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                    retry = Some(value.parse().unwrap_or(u32::MAX));
                }
                _ => {}
            }
        }
    }
    (out, retry)
}
