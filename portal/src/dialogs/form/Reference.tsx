// SPDX-License-Identifier: Apache-2.0
// Choosing one or several of what there is: what is typed is asked of the Manager, so that it does not matter how many there are.
import { Button, Label, LabelGroup, MenuToggle, type MenuToggleElement, Select, SelectList, SelectOption, Spinner, TextInputGroup, TextInputGroupMain, TextInputGroupUtilities } from "@patternfly/react-core";
import { TimesIcon } from "@patternfly/react-icons/dist/esm/icons/times-icon";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type Entity, list } from "../../lib/api";
import { nameOf } from "../../lib/format";
import { t } from "../../text";
import type { Source } from "./model";

const SHOWN = 50;

/** Kinds whose collections cannot be searched: all of them are fetched, they are few. */
const FEW = new Set(["role", "tag", "mac_pool", "instance_type", "cpu_profile", "disk_profile", "vnic_profile", "network_filter", "operating_system", "qos",
  "scheduling_policy", "disk_attachment", "nic", "snapshot", "domain", "file", "group_member"]);

function useLater<T>(value: T, ms: number): T {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

/** Those that can be chosen, narrowed by what is typed. */
export function useChoices(from: Source | undefined, typed: string, isWanted: boolean) {
  const text = useLater(typed.trim(), 200);
  const isFew = !from || FEW.has(from.type) || from.path.includes("/");
  const word = text.replace(/["\\]/g, "");
  const search = isFew ? "" : [from?.search, word && `${from?.by ?? "name"}="${word}*"`].filter(Boolean).join(" and ");
  const query = { ...(search ? { search } : {}), ...(isFew ? {} : { max: SHOWN + 1 }), ...(from?.follow ? { follow: from.follow } : {}) };
  const { data, isFetching, error } = useQuery({
    queryKey: ["list", from?.path, query],
    queryFn: () => list(from!.type, from!.path, query),
    enabled: isWanted && from !== undefined,
    staleTime: 5000,
    placeholderData: keepPreviousData,
  });
  const choices = useMemo(() => {
    const low = typed.trim().toLowerCase();
    return (data ?? []).filter((e) => (!from?.keep || from.keep(e)) && (!low || nameOf(e).toLowerCase().includes(low)));
  }, [data, from, typed]);
  return { choices, all: data, isFetching, error };
}

interface Props {
  id: string;
  label: string;
  from?: Source;
  value?: Entity;
  isInvalid: boolean;
  isDisabled?: boolean;
  /** can be nothing again */
  canClear: boolean;
  pick?: "only" | "first";
  onChange: (v: Entity | undefined) => void;
}

/** What a reference is called, also when only its id is known. */
function useNameOf(value: Entity | undefined, from: Source | undefined, all: Entity[] | undefined): string {
  if (!value || (!value.id && !value.name)) return "";
  return value.name ?? nameOf(all?.find((e) => e.id === value.id) ?? (from?.by ? value : undefined)) ?? value.id;
}

export function Reference({ id, label, from, value, isInvalid, isDisabled, canClear, pick, onChange }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState<string>();
  const [focused, setFocused] = useState(0);
  const { choices, all, isFetching } = useChoices(from, typed ?? "", isOpen || pick !== undefined || (!!value && !value.name));
  const name = useNameOf(value, from, all) || (value?.id && isFetching ? "…" : (value?.id ?? ""));
  useEffect(() => {
    if (!pick || value || typed !== undefined || !all) return;
    const fit = all.filter((e) => !from?.keep || from.keep(e));
    if (fit.length === 1 || (pick === "first" && fit.length)) onChange(fit.find((e) => from?.prefer?.(e)) ?? fit[0]);
  }, [pick, value, all, typed, from, onChange]);
  const choose = (e: Entity | undefined) => {
    onChange(e);
    setTyped(undefined);
    setOpen(false);
  };
  const shownOnes = choices.slice(0, SHOWN);
  const onKey = (e: React.KeyboardEvent) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (!isOpen) setOpen(true);
      else setFocused((focused + (e.key === "ArrowDown" ? 1 : -1) + shownOnes.length) % Math.max(1, shownOnes.length));
    } else if (e.key === "Enter" && isOpen) {
      e.preventDefault();
      if (shownOnes[focused]) choose(shownOnes[focused]);
    } else if (e.key === "Escape" && isOpen) {
      e.stopPropagation();
      e.nativeEvent.stopImmediatePropagation();
      setOpen(false);
      setTyped(undefined);
    } else if (e.key === "Tab") {
      setOpen(false);
      setTyped(undefined);
    }
  };
  const toggle = (ref: React.Ref<MenuToggleElement>) => (
    <MenuToggle ref={ref} variant="typeahead" isFullWidth isExpanded={isOpen} isDisabled={isDisabled} status={isInvalid ? "danger" : undefined} onClick={() => setOpen(!isOpen)} aria-label={t("dialogs.choices", { what: label })}>
      <TextInputGroup isPlain>
        <TextInputGroupMain
          inputId={id}
          value={typed ?? name}
          placeholder={canClear && !value ? t("dialogs.none") : undefined}
          autoComplete="off"
          role="combobox"
          aria-label={label}
          isExpanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={isOpen && shownOnes[focused] ? `${id}-${shownOnes[focused].id}` : undefined}
          onClick={() => setOpen(true)}
          onChange={(_e, v) => {
            setTyped(v);
            setFocused(0);
            setOpen(true);
          }}
          onKeyDown={onKey}
        />
        {canClear && value && (value.id || value.name) && !isDisabled && (
          <TextInputGroupUtilities>
            <Button variant="plain" icon={<TimesIcon />} aria-label={t("dialogs.clear", { what: label })} onClick={() => choose(undefined)} />
          </TextInputGroupUtilities>
        )}
      </TextInputGroup>
    </MenuToggle>
  );
  return (
    <Select isOpen={isOpen} selected={value?.id} onOpenChange={(open) => (open ? setOpen(true) : (setOpen(false), setTyped(undefined)))} toggle={toggle} isScrollable maxMenuHeight="18rem" popperProps={{ appendTo: "inline" }}>
      <SelectList id={`${id}-list`} aria-label={label}>
        {shownOnes.map((e, i) => (
          <SelectOption key={e.id} id={`${id}-${e.id}`} value={e.id} isFocused={i === focused} isSelected={e.id === value?.id} description={from?.detail?.(e)} onClick={() => choose(e)}>
            {nameOf(e)}
          </SelectOption>
        ))}
        {choices.length > SHOWN && <SelectOption isDisabled key="more">{t("dialogs.choices.more")}</SelectOption>}
        {!choices.length && (
          <SelectOption isDisabled key="none">
            {isFetching ? <Spinner size="md" aria-label={t("dialogs.loading")} /> : t("dialogs.choices.none")}
          </SelectOption>
        )}
      </SelectList>
    </Select>
  );
}

interface ManyProps {
  id: string;
  label: string;
  from?: Source;
  value: Entity[];
  isInvalid: boolean;
  onChange: (v: Entity[]) => void;
}

/** Several of them: those that were chosen, and a field to choose another. */
export function References({ id, label, from, value, isInvalid, onChange }: ManyProps) {
  const { all } = useChoices(from, "", value.some((e) => !e.name));
  const chosen = new Set(value.map((e) => e.id));
  const left = from && { ...from, keep: (e: Entity) => !chosen.has(e.id) && (!from.keep || from.keep(e)) };
  return (
    <>
      <Reference id={id} label={label} from={left} isInvalid={isInvalid} canClear={false} onChange={(e) => e && onChange([...value, e])} />
      {value.length > 0 && (
        <LabelGroup aria-label={label} numLabels={20} className="h-chosen">
          {value.map((e) => (
            <Label key={e.id} onClose={() => onChange(value.filter((x) => x.id !== e.id))} closeBtnAriaLabel={t("dialogs.take-out", { what: nameOf(e) })}>
              {e.name ?? nameOf(all?.find((x) => x.id === e.id) ?? e)}
            </Label>
          ))}
        </LabelGroup>
      )}
    </>
  );
}
