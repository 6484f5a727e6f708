//! Those who guess passwords: they learn nothing, and keep nobody out who has been let in before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ses_exporter::web::Limits;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::certificates::{Folder, PASSWORD, users};
use super::gate::{ask, basic, behind};
use super::server::{connect_from, get};

/// The cost at which one guess takes some tens of milliseconds: bcrypt is slower where the compiler does not optimise.
fn telling_cost() -> u32 {
    let took = |cost| {
        let start = Instant::now();
        bcrypt::hash(PASSWORD, cost).unwrap();
        start.elapsed()
    };
    (4..14).find(|cost| took(*cost) > Duration::from_millis(40)).unwrap_or(14)
}

/// 50 connections that guess as fast as they can, from one address and from many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_guesses() {
    let folder = Folder::new(&users(telling_cost()));
    let server = behind(&folder, Limits::default());
    let right = basic("ann", PASSWORD);
    let mut prometheus = server.connect().await;
    assert_eq!(ask(&mut prometheus, "/", &right).await.unwrap().0, 200);
    let done = Arc::new(AtomicBool::new(false));
    let mut flood = JoinSet::new();
    for guesser in 0..50_u16 {
        let (done, address) = (Arc::clone(&done), server.address);
        flood.spawn(async move {
            let mut client = connect_from(address, 1 + guesser % 25).await.unwrap();
            let mut busy = 0_usize;
            for guess in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                match ask(&mut client, "/", &basic(["ann", "eve"][guess % 2], &format!("{guesser} {guess}"))).await {
                    Ok((401, _)) => {}
                    Ok((429, _)) => {
                        busy += 1;
                        sleep(Duration::from_millis(5)).await; // the machine is to be busy with guesses, not with refusals
                    }
                    other => panic!("{other:?}"),
                }
            }
            busy
        });
    }
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        assert_eq!(ask(&mut prometheus, "/", &right).await.unwrap().0, 200);
        times.push(start.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    done.store(true, Ordering::Relaxed);
    let busy: usize = flood.join_all().await.into_iter().sum();
    times.sort();
    let (guesses, refused) = (server.requests("401"), server.requests("429"));
    println!("{guesses} guesses checked, {refused} refused; the scraper: p50 {:?}, p99 {:?}", times[50], times[98]);
    assert!(guesses > 0.0 && busy > 0);
    // Whoever had to wait for guesses would wait for 32 of 40 ms each.
    assert!(times[50] < Duration::from_millis(300), "{:?}", times[50]);
}

/// Unknown users cost what known ones do. The figures are printed; the lower quarter is held to them, loosely,
/// because a busy machine blurs it. Without the work for unknown users, or with a hash of another cost, it would be 2 or far more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_tells_no_names() {
    let folder = Folder::new(&users(telling_cost()));
    let server = behind(&folder, Limits::default());
    let mut client = server.connect().await;
    assert_eq!(get(&mut client, "/").await.unwrap().0, 401);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for guess in 0..40 {
        for (name, times) in [("ann", &mut known), ("eve", &mut unknown)] {
            let start = Instant::now();
            assert_eq!(ask(&mut client, "/", &basic(name, &format!("guess {guess}"))).await.unwrap().0, 401);
            times.push(start.elapsed().as_secs_f64());
        }
    }
    for times in [&mut known, &mut unknown] {
        times.sort_by(f64::total_cmp);
    }
    let ratio = |at: usize| known[at] / unknown[at];
    println!("known to unknown user: median {:.3}, lower quarter {:.3}", ratio(20), ratio(10));
    assert!((0.6..1.6).contains(&ratio(10)), "{}", ratio(10));
}
