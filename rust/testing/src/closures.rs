//! Lwt closures.

use lwt_rust::{Error, LwtFn, Root};

lwt_rust::export! {
    #![unsafe(no_mangle)]

    /// Calls a closure once.
    async fn test_call(f: LwtFn<Root, Root>, argument: Root) -> Result<Root, Error> {
        f.call(argument).await
    }

    /// Calls a closure once, after a wait.
    async fn test_call_later(f: LwtFn<Root, Root>, argument: Root) -> Result<Root, Error> {
        tokio::task::yield_now().await;
        f.call(argument).await
    }

    /// Calls a closure with 0, 1, … in a loop and sums the answers.
    async fn test_sum(f: LwtFn<u64, u64>, times: u64) -> Result<u64, Error> {
        let mut sum = 0;
        for n in 0..times {
            sum += f.call(n).await?;
        }
        Ok(sum)
    }

    /// Does the same as `test_sum`, on a tokio worker.
    async fn test_sum_on_tokio(f: LwtFn<u64, u64>, times: u64) -> Result<u64, Error> {
        tokio::spawn(async move {
            let mut sum = 0;
            for n in 0..times {
                sum += f.call(n).await?;
            }
            Ok(sum)
        })
        .await?
    }

    /// Calls a closure from many tokio tasks at the same time.
    async fn test_sum_of_tasks(f: LwtFn<u64, u64>, tasks: u64) -> Result<u64, Error> {
        let tasks: Vec<_> = (0..tasks)
            .map(|n| {
                let f = f.clone();
                tokio::spawn(async move { f.call(n).await })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await??;
        }
        Ok(sum)
    }
}
