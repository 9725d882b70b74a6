/** Placeholders of rows that are being loaded, with the height of a row. */
export const Skeleton = ({ count }: { readonly count: number }) => (
  <div className="skeleton" aria-hidden="true">
    {Array.from({ length: count }, (_, index) => (
      <span key={index} />
    ))}
  </div>
);
