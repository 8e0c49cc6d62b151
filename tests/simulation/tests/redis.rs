//! The Redis of the simulation beside a real one: the same commands have the same answers, byte for byte.

use flowguard::store::shared::script::SCRIPT;
use harness::redis::{Kind, Redis as RealRedis};
use simulation::{
    redis::{Redis, Reply},
    sharing::{Plan, Trouble, Without},
};

/// What a real server answers to `QUIT`, which ends each command's connection.
const BYE: &[u8] = b"+OK\r\n";

/// Has both do it.
async fn check(real: &RealRedis, emulated: &Redis, command: &[&[u8]]) {
    let owned: Vec<_> = command.iter().map(|part| part.to_vec()).collect();
    let expected = real.command(command).await;
    let expected = expected.strip_suffix(BYE).expect("it says bye");
    let answered = emulated.carry_out(&owned).to_bytes();
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let commands: Vec<_> = command.iter().map(|part| text(part)).collect();
    assert_eq!(text(&answered), text(expected), "{commands:?}");
}

#[tokio::test]
async fn single_commands_are_answered_as_a_redis_does() {
    let (real, emulated) = (RealRedis::start(Kind::Redis, &[]).await, Redis::new(1));
    let commands = [
        "GET none",
        "SET text one NX PX 60000",
        "SET text two NX PX 60000",
        "GET text",
        "SET text three",
        "PTTL text",
        "PTTL none",
        "MSET a 1 b 2",
        "MGET a none b text",
        "DEL a none",
        "HGET hash field",
        "HSET hash a 1 b 2",
        "HSET hash b 3 c 4",
        "HMGET hash a none c",
        "HGETALL hash",
        "HLEN hash",
        "HLEN none",
        "HSCAN hash 0 COUNT 1000",
        "HINCRBY hash a 41",
        "HINCRBY new a -3",
        "HDEL hash a none",
        "HDEL hash b c",
        "HGETALL hash",
        "PEXPIRE hash 1000",
        "PEXPIRE new 100000",
        "ZADD sorted 3 c",
        "ZADD sorted 1700000000000 a",
        "ZADD sorted 3 b",
        "ZADD sorted 2 c",
        "ZCARD sorted",
        "ZSCORE sorted a",
        "ZSCORE sorted none",
        "ZSCORE none a",
        "ZCOUNT sorted (2 +inf",
        "ZRANGEBYSCORE sorted (2 +inf",
        "ZRANGEBYSCORE sorted -inf +inf WITHSCORES",
        "ZRANGE sorted 0 1 WITHSCORES",
        "ZREVRANGEBYSCORE sorted +inf -inf",
        "ZREVRANGEBYSCORE sorted (1700000000000 -inf WITHSCORES LIMIT 0 1",
        "ZREVRANGEBYSCORE sorted +inf -inf WITHSCORES LIMIT 1 5",
        "ZREVRANGEBYSCORE none +inf -inf WITHSCORES LIMIT 0 250",
        "ZREM sorted none c",
        "ZREMRANGEBYRANK sorted 0 0",
        "ZREMRANGEBYSCORE sorted -inf 5",
        "ZCARD sorted",
    ];
    for command in commands {
        let parts: Vec<_> = command.split(' ').map(str::as_bytes).collect();
        check(&real, &emulated, &parts).await;
    }
}

#[tokio::test]
async fn scripts_are_given_and_answer_what_a_redis_gives_and_takes() {
    let (real, emulated) = (RealRedis::start(Kind::Redis, &[]).await, Redis::new(1));
    let scripts = [
        "return {1, 2.9, -2.9, 'text', false, true, 3, nil, 4}",
        "return redis.call('GET', 'none') == false and 1 or 0",
        "return {redis.call('SET', 'a', 5), redis.call('GET', 'a') + 1, redis.call('HSET', 'h', 'x', 7)}",
        "return redis.call('SET', 'n', 1700000000123) and redis.call('GET', 'n')",
        "return redis.call('SET', 'n', 2 ^ 52 + 1) and redis.call('GET', 'n')",
        "return struct.pack('<BI2dBc0', 257, 65537, -1.5, 3, 'abc')",
        "return {struct.unpack('<BI2dBc0', struct.pack('<BI2dBc0', 7, 513, 12, 3, 'abcd'))}",
        "return {struct.unpack('<I2c0', 'xx\\3\\0abcdef', 3)}",
        "return #{redis.call('HMGET', 'none', 'a', 'b')}",
        "return {KEYS[1], ARGV[1], #KEYS, #ARGV}",
        "return math.floor(-7 / 2) .. ' ' .. -7 % 3 .. ' ' .. string.format('%.0f', 2 ^ 53)",
        "return tonumber('0') / 1 == 0 and {ok = 'FINE'}",
        "return redis.pcall('HINCRBY', 'h', 'x', '9223372036854775807')['err'] and 1",
    ];
    for script in scripts {
        let command: [&[u8]; 5] = [b"EVAL", script.as_bytes(), b"1", b"key", b"argument"];
        check(&real, &emulated, &command).await;
    }
}

#[tokio::test]
async fn all_calls_of_a_run_are_answered_as_a_redis_does() {
    let real = RealRedis::start(Kind::Redis, &[]).await;
    let mut compared = 0;
    for trouble in [Trouble::Planes, Trouble::Restart, Trouble::All] {
        // Busy ones: others have less than a tenth of their calls, and take as long.
        for seed in [0, 8] {
            let plan = Plan { seed, planes: 3, trouble, without: Without::Local };
            let calls = tokio::task::spawn_blocking(move || simulation::record_sharing(plan));
            let emulated = Redis::new(1);
            real.command(&[b"FLUSHALL"]).await;
            let calls = calls.await.expect("a run").unwrap_or_else(|broken| panic!("{broken}"));
            for call in calls {
                let Reply::List(parts) = &call.reply else { continue };
                let [Reply::Integer(now), ..] = parts.as_slice() else { continue };
                let (now, count) = (now.to_string(), call.keys.len().to_string());
                let mut command: Vec<&[u8]> = vec![b"EVAL", SCRIPT.as_bytes(), count.as_bytes()];
                command.extend(call.keys.iter().map(Vec::as_slice));
                command.extend([now.as_bytes(), &call.arguments[1]]);
                check(&real, &emulated, &command).await;
                compared += 1;
            }
        }
    }
    assert!(compared > 5_000, "{compared} calls");
}
