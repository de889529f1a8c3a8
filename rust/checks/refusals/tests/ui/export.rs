//! Symbols of the whole program, without a word that says so.

lwt_rust::export! {
    /// Everybody calls this.
    async fn free(number: i64) -> Result<i64, lwt_rust::Error> {
        Ok(number)
    }
}

fn main() {}
