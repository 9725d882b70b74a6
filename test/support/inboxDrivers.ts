import type { Locator, Page } from 'playwright-core';

/** How a person operates the page. */
export interface InboxDriver {
  /** Activates a button, link or checkbox. */
  press(target: Locator): Promise<void>;
  /** Opens a picker and selects a choice. */
  choose(button: Locator, choice: string): Promise<void>;
  /** Replaces the text of a field. */
  type(field: Locator, text: string): Promise<void>;
}

const maxTabs = 150;

const isFocused = (target: Locator): Promise<boolean> =>
  target.evaluate((element) => element === (globalThis as any).document.activeElement);

/** A choice can have details after its name. */
const optionOf = (page: Page, choice: string): Locator =>
  page.getByRole('option', { name: new RegExp(`^${choice}\\b`) });

/** Only keys, and no focus that the page has not set. */
export function keyboardDriver(page: Page): InboxDriver {
  async function reach(target: Locator): Promise<void> {
    await target.waitFor();
    for (let tabs = 0; !(await isFocused(target)); tabs += 1) {
      if (tabs === maxTabs) throw new Error('The element cannot be reached with the Tab key.');
      await page.keyboard.press('Tab');
    }
  }
  return {
    async press(target) {
      await reach(target);
      await page.keyboard.press(
        (await target.getAttribute('type')) === 'checkbox' ? 'Space' : 'Enter',
      );
    },
    async choose(button, choice) {
      await reach(button);
      await page.keyboard.press('Enter');
      const option = optionOf(page, choice);
      await option.waitFor();
      for (let steps = 0; (await option.getAttribute('data-active')) !== 'true'; steps += 1) {
        if (steps === maxTabs) throw new Error('The choice cannot be reached with arrow keys.');
        await page.keyboard.press('ArrowDown');
      }
      await page.keyboard.press('Enter');
    },
    async type(field, text) {
      await reach(field);
      await page.keyboard.press('Control+A');
      await page.keyboard.type(text);
    },
  };
}

/** Only taps. Each target must be large enough for a finger. */
export function touchDriver(page: Page): InboxDriver {
  async function tap(target: Locator): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const { width = 0, height = 0 } = (await target.boundingBox()) ?? {};
    if (Math.min(width, height) < 44) {
      throw new Error(`A target of ${width} × ${height} pixels is too small: ${String(target)}`);
    }
    await target.tap();
  }
  return {
    press: tap,
    async choose(button, choice) {
      await tap(button);
      await tap(optionOf(page, choice));
    },
    async type(field, text) {
      await tap(field);
      await page.keyboard.press('Control+A');
      await page.keyboard.type(text);
    },
  };
}
