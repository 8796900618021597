/** How full something is, from 0 to 1; only for the eye, the words stand beside it. */
export const Meter = ({ share }: { share: number }) => (
  <div class="meter" aria-hidden="true">
    <div class={share > 0.9 ? "meter-fill meter-full" : "meter-fill"} style={{ width: `${share * 100}%` }} />
  </div>
);
