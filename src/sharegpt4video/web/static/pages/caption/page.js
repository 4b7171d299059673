/** The caption page: choose a video, then watch it with its steps, alone or side by side with another caption. */
import { call } from "../../api.js";
import { Choice, defaultChoice } from "../../parts/choice.js";
import { DropAnywhere, Opening, useOpening } from "../../parts/opening.js";
import { html, useState } from "../../parts/preact.js";
import { go } from "../../parts/route.js";
import { useSession } from "../../parts/session.js";
import { Watch } from "./watch.js";

/** @param {{args: string[]}} props args: the job, and the one it is compared with */
export function Page({ args: [first = "", second = ""] }) {
  const session = useSession();
  const [choice, choose] = useState(() => defaultChoice(session));
  const opening = useOpening(async (media) => go("caption", (await call("POST", "/v1/captions", { media, ...choice })).id));
  return html`${first
      ? html`<${Watch} key=${first} first=${first} second=${second} choice=${choice} />${opening.busy && html`<p class="uploading" role="status"><bdi>${opening.busy.text}</bdi></p>`}`
      : html`<div class="welcome"><h1>What happens in your video, <em>second by second</em></h1><${Opening} opening=${opening} /><${Choice} choice=${choice} onChoose=${choose} /></div>`}
    <${DropAnywhere} open=${opening.openFile} text="Drop it: its caption starts at once" />`;
}
