import { load, fill } from "./words.js";

await load();
fill(document);
