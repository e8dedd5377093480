// Questions to the desk.

export let desk = {};

export async function meet() {
  desk = await told(await fetch("/api/desk"));
  return desk;
}

async function told(answer) {
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  throw new Error(await detail(answer.text()));
}

async function detail(text) {
  try {
    return JSON.parse(await text).detail || "";
  } catch {
    return "";
  }
}

export async function post(path, body) {
  const headers = { "X-CSRF-Token": desk.csrf, "Content-Type": "application/json" };
  return told(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

export const answerOf = async (name) => told(await fetch(`/api/answers/${encodeURIComponent(name)}`));

// Send a file, or name an address; `tell` is called with each line, {phase, ...}, and {phase: "upload", share} before.
// Returns a promise of the last line, and `cancel`. XMLHttpRequest, because fetch does not tell how far an upload is.
export function inspect({ file, source }, tell) {
  const request = new XMLHttpRequest();
  const query = new URLSearchParams(source ? { source } : { name: file.name });
  const done = new Promise((resolve, reject) => {
    let read = 0;
    let last = null;
    const take = () => {
      const end = request.responseText.lastIndexOf("\n") + 1;
      for (const line of request.responseText.slice(read, end).split("\n")) {
        if (!line || line === "{}" || request.status !== 200) continue;
        last = JSON.parse(line);
        tell(last);
      }
      read = end;
    };
    request.upload.onprogress = (event) => tell({ phase: "upload", share: event.loaded / (event.total || 1) });
    request.onprogress = take;
    request.onload = async () => {
      if (request.status === 503 || request.status === 429) return reject(Object.assign(new Error(), { busy: true }));
      if (request.status !== 200) return reject(new Error(await detail(request.responseText)));
      take();
      if (last?.phase === "done") resolve(last);
      else reject(new Error(last?.detail || ""));
    };
    request.onerror = () => reject(new Error());
    request.onabort = () => reject(Object.assign(new Error(), { cancelled: true }));
  });
  request.open("POST", `/api/inspect?${query}`);
  request.setRequestHeader("X-CSRF-Token", desk.csrf);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file ?? null);
  return { done, cancel: () => request.abort() };
}
