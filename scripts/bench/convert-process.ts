/** The measured process of `convert`: converts a folder to a file. */
import { convertModel } from "../../src/convert/convert-model.ts";

const [dir = "", output = ""] = process.argv.slice(2);
await convertModel({ dir, output, type: "BF16" });
