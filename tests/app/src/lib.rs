use everwire::{Client, Event};
use wasm_bindgen::prelude::*;

#[global_allocator]
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

/// Connects and counts.
#[wasm_bindgen]
pub async fn run(address: String) -> Result<u32, JsError> {
    let mut wire = Client::builder(address).connect()?;
    let mut count = 0;
    while let Some(event) = wire.next().await {
        if let Event::Message(_) = event {
            count += 1;
        }
    }
    Ok(count)
}
