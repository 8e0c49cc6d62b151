//! A worker can be driven from outside of the crate, as simulations do.

use filter::simulation::{
    Config, HeaderMap, HeaderValue, Host, Next, Pace, Reply, RequestId, ResponseBody, ResponseEdit,
    Stat, StreamToken, TICK_MS, Worker,
};
use prost::Message as _;
use proto::decision::{ControlFrame, Decision, FilterFrame, Verdict, Welcome};

const STREAM: StreamToken = 7;

/// A host with one stream, that writes down what it is told.
#[derive(Default)]
struct OneStream {
    frames: Vec<FilterFrame>,
    resumed: Vec<RequestId>,
}

impl Host for OneStream {
    fn open_stream(&mut self) -> Option<StreamToken> {
        Some(STREAM)
    }

    fn send(&mut self, _stream: StreamToken, frame: &[u8]) -> bool {
        self.frames.push(FilterFrame::decode(frame).expect("a frame"));
        true
    }

    fn resume(&mut self, request: RequestId) {
        self.resumed.push(request);
    }

    fn response_headers(&mut self, _request: RequestId) -> HeaderMap {
        vec![(":status".to_owned(), b"200".to_vec())].into()
    }

    fn response_code_details(&mut self, _request: RequestId) -> Vec<u8> {
        Vec::new()
    }

    fn request_id(&mut self, _request: RequestId) -> Vec<u8> {
        Vec::new()
    }

    fn reply(&mut self, request: RequestId, reply: &Reply) {
        panic!("{request} was answered {}: {}", reply.status, reply.body);
    }

    fn close_stream(&mut self, _stream: StreamToken) {}
    fn reset_stream(&mut self, _stream: StreamToken) {}
    fn set_pace(&mut self, _pace: Pace) {}
    fn remove_request_header(&mut self, _request: RequestId, _name: &str) {}
    fn set_request_header(&mut self, _request: RequestId, _name: &str, _value: &HeaderValue) {}
    fn cut_request_path(&mut self, _request: RequestId, _path: &[u8]) {}
    fn property(&mut self, _request: RequestId, _path: &[&str]) -> Option<Vec<u8>> {
        None
    }
    fn edit_response_headers(&mut self, _request: RequestId, _edit: &ResponseEdit) {}
    fn tell_access_log(&mut self, _request: RequestId, _json: &str) {}
    fn count(&mut self, _stat: Stat, _by: i64) {}
    fn decided_after(&mut self, _wait_us: u64) {}
    fn info(&mut self, _text: &str) {}
    fn warn(&mut self, _text: &str) {}
}

#[test]
fn a_host_of_another_crate_drives_a_worker_from_a_request_to_its_end() {
    let config = Config::parse(b"").expect("all defaults");
    let mut worker = Worker::new(config, "node".into(), 1);
    let mut host = OneStream::default();
    let headers = [("x-client-id", "a"), ("x-token-estimate", "10")];
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    assert_eq!(worker.on_request(&mut host, 1, &headers.into(), true, 0), Next::Pause);

    let mut now_us = TICK_MS * 1_000;
    worker.on_tick(&mut host, now_us);
    let welcome = Some(Welcome { protocol_version: 1, worker: vec![1; 16] });
    let welcome = ControlFrame { welcome, ..ControlFrame::default() };
    worker.on_frame(&mut host, STREAM, &welcome.encode_to_vec(), now_us);
    let verdict = Verdict { id: 1, decision: Decision::Admitted.into(), ..Verdict::default() };
    let answer = ControlFrame { verdicts: vec![verdict], ..ControlFrame::default() };
    worker.on_frame(&mut host, STREAM, &answer.encode_to_vec(), now_us);
    assert_eq!(host.resumed, [1]);

    assert_ne!(worker.on_response(&mut host, 1), ResponseBody::Over);
    worker.on_end(&mut host, 1, true, now_us);
    now_us += TICK_MS * 1_000;
    worker.on_tick(&mut host, now_us);
    let settled: Vec<_> = host.frames.iter().flat_map(|frame| &frame.settles).collect();
    assert_eq!(settled.iter().map(|settle| settle.id).collect::<Vec<_>>(), [1]);
}
